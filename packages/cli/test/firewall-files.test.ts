import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFault } from '@doublehop/errors/fault'
import t from 'tap'
import { hostile, samples } from '../../firewall/test/samples.ts'
import { readPlan, readResults } from '../src/result-files.ts'

const folder = t.testdir()

function fileWith(value: unknown): string {
  const file = join(folder, 'result.json')
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
  return file
}

/** What is said of such a file. */
function complaint(value: unknown, read: (file: string) => unknown = readResults): string {
  try {
    read(fileWith(value))
    return 'nothing'
  } catch (error) {
    return isFault(error, 'DH_FW_FILE')
      ? error.message.slice(fileWith(value).length + 2)
      : 'no fault'
  }
}

t.test('one result, or a list of them', async (t) => {
  t.same(readResults(fileWith(samples.leak)), { checks: [samples.leak], listens: [] })
  t.equal(readResults(fileWith([samples.leak, samples.healthy])).checks.length, 2)
  t.same(readResults(fileWith([])), { checks: [], listens: [] })
})

t.test('a file of a newer version is called so, whatever stands in it', async (t) => {
  const why = 'it is of version 2 (check), and this doublehop reads version 1'
  t.equal(complaint({ doublehop: 'check', version: 2, flows: {} }), why)
  t.equal(complaint([samples.leak, { ...samples.leak, version: 2 }]), why)
  t.match(complaint({ doublehop: 'plan', version: 1.5 }, readPlan), /of version 1\.5 \(plan\)/)
})

t.test('what is no result is told with the place that is wrong', async (t) => {
  const expected = 'expected a result of doublehop check or listen, with --format json'
  const { rows: _, ...without } = samples.leak
  const cases: readonly (readonly [unknown, string | RegExp])[] = [
    ['', `${expected}; it is no JSON`],
    ['{"doublehop":', `${expected}; it is no JSON`],
    [without, /^expected .*; rows: /],
    [{ ...samples.leak, zone: 'mars' }, /^expected .*; zone: /],
    [[samples.leak, without], /^expected .*; 2\. result; rows: /],
    [{ ...samples.leak, rows: [7] }, /; rows\.0: /],
    [{ doublehop: 'plan', version: 1 }, /; doublehop: it is neither a check nor what listen got$/],
    [7, /^expected a result/],
    [null, /^expected a result/],
    [{ ...samples.leak, extra: 1 }, /Unrecognized key/],
    [Array.from({ length: 1001 }, () => 7), 'it holds more than 1000 results'],
    [{ ...samples.leak, from: Array.from({ length: 10_001 }, () => '') }, /; from: Too big/],
    [{ ...samples.leak, started: 'x'.repeat(1001) }, /; started: Too big/],
    ['['.repeat(1_000_000) + ']'.repeat(1_000_000), /^expected a result/],
    [`${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}`, /^expected a result/],
    ['[', /^expected a result.*no JSON/],
    [' '.repeat(16 * 1024 * 1024 + 1), 'it is longer than 16 MiB'],
  ]
  for (const [value, why] of cases)
    t.match(complaint(value), why, String(typeof value === 'string' ? value.slice(0, 20) : why))
})

t.test('a message about a file moves no cursor', async (t) => {
  const wild = '\u001B[2J\u009B31m\u202E\r\n'
  for (const value of [
    { ...samples.leak, [wild]: 1 },
    { doublehop: wild, version: 2 },
    { ...samples.leak, zone: wild },
  ])
    t.notMatch(complaint(value), /[\p{C}\p{Zl}\p{Zp}]/u)
})

t.test('a plan that names other things than a plan does is refused', async (t) => {
  const plan = { doublehop: 'plan', version: 1, zone: 'dmz1', probes: [], paths: [], admins: [] }
  t.same(readPlan(fileWith(plan)), plan)
  const path = { id: '', label: '', through: '', behind: [], staId: '', redeemAt: 'gateway' }
  for (const [what, wrong] of Object.entries({
    'a file for an STA': { ...plan, paths: [{ ...path, sta: 'file:///etc/passwd' }] },
    'a port that is none': { ...plan, probes: [{ port: 70_000 }] },
    'a key in it': { ...plan, key: '-----BEGIN PRIVATE KEY-----' },
    'a result': hostile,
  }))
    t.match(complaint(wrong, readPlan), /^expected a plan of doublehop plan; /, what)
})
