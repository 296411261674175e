import t from 'tap'
import { Parser } from 'tap-parser'
import { tapOf } from '../../src/formats/tap.ts'
import { everyZone, hostile, samples } from '../samples.ts'
import { wild } from './screen.ts'

interface Point {
  readonly ok: boolean
  readonly name: string
  readonly skip?: string | boolean
  readonly diag?: Record<string, unknown>
}

/** Read by a parser that is not ours; whatever is not TAP comes as `extra`. */
function read(text: string) {
  const events = Parser.parse(text, { strict: true })
  const extra = events.filter(([kind]) => kind === 'extra')
  const points = events.flatMap(([kind, point]) => (kind === 'assert' ? [point as Point] : []))
  const complete = events.find(([kind]) => kind === 'complete')?.[1] as { failures: unknown[] }
  const version = events.find(([kind]) => kind === 'version')?.[1]
  return { points, extra, version, complete }
}

t.test('a test point for each flow and path', async (t) => {
  const { points, extra, version } = read(tapOf(samples.healthy))
  t.equal(version, 14)
  t.same(extra, [])
  t.equal(points.length, samples.healthy.rows.length + 1)
  t.ok(points.every(({ ok }) => ok))
  t.equal(points[0]?.name, 'allow gateway-proxy-1080: 10.2.0.2 → 10.3.0.2:1080/tcp')
  t.equal(points.at(-1)?.name, 'path gateway → proxy → STA01')
})

t.test(
  'one that is not as it must be tells what was expected, what was seen, what to do',
  async (t) => {
    const { points } = read(tapOf(samples.leak))
    const failed = points.filter(({ ok }) => !ok)
    t.same(
      failed.map(({ diag }) => [diag?.verdict, diag?.expected, diag?.observed, diag?.code]),
      [
        ['BLOCKED', 'open', 'filtered', 'DH_FW_FILTERED'],
        ['LEAK', 'not open', 'open', 'DH_FW_LEAK'],
      ],
    )
    t.same(failed[0]?.diag, {
      verdict: 'BLOCKED',
      expected: 'open',
      observed: 'filtered',
      code: 'DH_FW_FILTERED',
      layers: 'tcp fail, tls skip, socks skip',
      firewalls: [2],
      steps: [2, 5],
      sentence: samples.leak.findings[1]?.sentence,
      capture: samples.leak.findings[1]?.capture,
    })
    t.equal(points.at(-1)?.skip, 'gateway-proxy-1080 is not open')
  },
)

t.test('what did not run is skipped with its reason; no verdict is no success', async (t) => {
  const { points } = read(tapOf(samples.oneHostOfTwo))
  const skipped = points.filter(({ skip }) => skip !== undefined && skip !== false)
  t.equal(skipped.length, 13)
  t.equal(skipped[0]?.skip, 'run on storefront, 10.3.0.3')
  const unknown = read(tapOf(samples.noVerdict)).points.filter(({ ok }) => !ok)
  t.same(
    unknown.map(({ diag }) => diag?.verdict),
    ['UNKNOWN'],
  )
})

t.test('a path that stops behind its first flow fails, and says where to look', async (t) => {
  const [path] = samples.healthy.paths
  if (path === undefined) return t.fail('no path')
  const stopped = { ...path, verdict: 'UNKNOWN', see: 'dmz2', note: 'reply 04' } as const
  const { points } = read(tapOf({ ...samples.healthy, paths: [stopped] }))
  t.equal(points.at(-1)?.ok, false)
  t.match(points.at(-1)?.diag, { see: 'dmz2', note: 'reply 04', behind: ['proxy-sta-8080'] })
})

t.test('text of others is no directive, no plan, no YAML of its own', async (t) => {
  const text = tapOf(hostile)
  const { points, extra } = read(text)
  t.same(extra, [])
  t.equal(points.length, hostile.rows.length + hostile.paths.length)
  t.equal(points.filter(({ ok }) => !ok).length, 2, 'a TODO in a name excuses nothing')
  t.same(wild(text), [])
})

t.test('zones that were joined count on', async (t) => {
  const { points, complete } = read(tapOf(everyZone({ 'gateway-proxy-1080': ['filtered'] })))
  t.equal(points.length, 116)
  t.equal(complete.failures.length, 1)
})
