import { child, readXml } from '@doublehop/wire/xml'
import t from 'tap'
import { Parser } from 'tap-parser'
import type { DeepResult } from '../../src/check/deep-result.ts'
import type { CheckResult } from '../../src/check/result.ts'
import { junitOf } from '../../src/formats/junit.ts'
import { prometheusOf } from '../../src/formats/prometheus.ts'
import { tableOf } from '../../src/formats/table.ts'
import { tapOf } from '../../src/formats/tap.ts'
import { HOSTILE, samples } from '../samples.ts'
import { readExposition } from './exposition.ts'
import { pipe, wild } from './screen.ts'

const FLOW = 'gateway-proxy-1080'
const about = { flow: FLOW, route: '10.2.0.2 → 10.3.0.2:1080', firewalls: [2] } as const

function checked(...deep: Partial<DeepResult>[]): CheckResult {
  const { rows } = samples.healthy
  const results = deep.map((one) => ({ ...about, firewalls: [2 as const], tests: [], ...one }))
  return { ...samples.healthy, rows: rows.filter(({ flow }) => flow.id === FLOW), deep: results }
}

const broken = checked({
  tests: [
    { test: 'idle', result: 'pass', sentence: 'it lives on', seconds: 4 },
    { test: 'mtu', result: 'fail', code: 'DH_FW_MTU', sentence: 'it loses packets', seconds: 1 },
    { test: 'bytes', result: 'skip', sentence: 'not tried', seconds: 0 },
  ],
})
const NOTE = 'a daemon answers at 10.3.0.2:1080: stop it'
const untried = checked({ note: NOTE })

t.test('people see each deep test below its flow, or why there was none', async (t) => {
  const text = tableOf(broken, pipe())
  t.match(text, /\n +└ deep {2}idle ✓ mtu ✗ bytes –\n/)
  t.match(text, /\n0 leaks, 0 blocked, 1 deep test failed, 1 as it must be, 0 unknown\n$/)
  const none = tableOf(untried, pipe())
  t.match(none, `└ deep  SKIP  ${NOTE}\n`)
  t.match(none, /\n0 leaks, 0 blocked, 1 as it must be, 0 unknown\n$/)
})

t.test('in TAP and JUnit a deep test that failed is a failure', async (t) => {
  const points = Parser.parse(tapOf(broken), { strict: true }).flatMap(([kind, point]) =>
    kind === 'assert' ? [point as { name: string; ok: boolean; diag?: unknown }] : [],
  )
  t.same(
    points.filter(({ ok }) => !ok).map(({ name }) => name),
    [`deep ${FLOW}: ${about.route}, mtu`],
  )
  t.equal(points.length, 2 + 3)
  const suite = child(readXml(junitOf(broken), { root: 'testsuites', system: '' }), 'testsuite')
  t.match(suite?.attributes, { tests: '5', failures: '1', skipped: '1' })
  t.equal(suite?.children.length, 5)
  const skipped = child(readXml(junitOf(untried), { root: 'testsuites', system: '' }), 'testsuite')
  t.match(skipped?.attributes, { tests: '3', failures: '0', skipped: '1' })
  t.match(tapOf(untried), `ok 3 - deep ${FLOW}: ${about.route} # SKIP ${NOTE}\n`)
})

t.test('Prometheus gets what was run', async (t) => {
  const { doublehop_check_deep_ok: ok } = readExposition(prometheusOf(broken))
  t.same(
    ok?.samples.map(({ labels, value }) => [labels.test, value]),
    [
      ['idle', 1],
      ['mtu', 0],
    ],
  )
})

t.test('text of others stays text', async (t) => {
  const test = {
    test: 'mtu',
    result: 'fail',
    code: HOSTILE,
    sentence: HOSTILE,
    seconds: 1,
  } as const
  for (const one of [
    { route: HOSTILE, tests: [test] },
    { route: HOSTILE, note: HOSTILE },
  ])
    for (const write of [(it: CheckResult) => tableOf(it, pipe()), tapOf, junitOf, prometheusOf])
      t.same(wild(write(checked(one))), [])
})

t.test('a way that stops behind its flow is counted, since it is no verdict', async (t) => {
  const paths = samples.healthy.paths.map((path) => ({ ...path, verdict: 'UNKNOWN' as const }))
  t.match(tableOf({ ...samples.healthy, paths }, pipe()), /, 0 unknown, 1 unknown behind\n$/)
})
