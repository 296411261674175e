import t from 'tap'
import { type CheckResult, type PathRow, type Row, SOME_SERVER } from '../../src/check/result.ts'
import { join } from '../../src/report/join.ts'
import { probe, row } from '../rows.ts'

const TO_PROXY = probe('gateway', 'proxy', 1080)
const TO_STA = probe('proxy', 'sta', 8080)
const WAY: PathRow = {
  ...{ id: 'gateway-proxy-1080-STA01', through: 'gateway-proxy-1080' },
  ...{ behind: ['proxy-sta-8080'], label: 'gateway → proxy → STA01' },
  ...{ verdict: 'UNKNOWN', see: 'dmz2' },
}

function result(zone: CheckResult['zone'], parts: Partial<CheckResult>): CheckResult {
  return {
    ...{ doublehop: 'check', version: 1, zone, from: [], started: '2026-01-01T00:00:00.000Z' },
    ...{ seconds: 1, timeoutSeconds: 1, rows: [], paths: [], findings: [], sessions: [] },
    ...parts,
  }
}

t.test('a way that fails behind a blocked flow is put under it', async (t) => {
  const dmz1 = result('dmz1', { rows: [row(TO_PROXY, 'open')], paths: [WAY] })
  const alone = join([dmz1], [])
  t.match(alone, { verdict: 'UNKNOWN', findings: [], paths: [{ verdict: 'UNKNOWN', see: 'dmz2' }] })

  const dmz2 = result('dmz2', { rows: [row(TO_STA, 'filtered')] })
  const both = join([dmz1, dmz2], [])
  t.match(both.paths, [{ verdict: 'SKIP', note: 'follows from proxy-sta-8080' }])
  t.match(both, { verdict: 'BLOCKED', findings: [{ flows: ['proxy-sta-8080'] }] })
  t.equal(both.findings.length, 1)
})

t.test('a way that stops at the server of its ticket is put under the flow to it', async (t) => {
  const toServers = [2598, 2601].map((port) => probe('proxy', 'vda', port, { steps: [6, 7, 9] }))
  const verdictOfWay = (way: Partial<PathRow>, observed: readonly Row['observed'][]) => {
    const dmz1 = result('dmz1', { rows: [row(TO_PROXY, 'open')], paths: [{ ...WAY, ...way }] })
    const rows = toServers.flatMap((one, index) => row(one, observed[index] ?? 'open'))
    const [path] = join([dmz1, result('dmz2', { rows })], []).paths
    return path?.verdict === 'SKIP' ? path.note : path?.verdict
  }
  const stopped = { note: 'no answer', onTo: '10.4.0.3:2598' }
  t.equal(verdictOfWay(stopped, ['filtered', 'open']), 'follows from proxy-vda-2598')
  t.equal(verdictOfWay(stopped, ['open', 'filtered']), 'UNKNOWN', 'another server is none of it')
  const byProxy = { note: 'no answer', onTo: SOME_SERVER }
  t.equal(verdictOfWay(byProxy, ['open', 'filtered']), 'follows from proxy-vda-2601')
  t.equal(verdictOfWay({ note: 'no answer' }, ['filtered']), 'UNKNOWN', 'it came not so far')
  t.equal(verdictOfWay({ verdict: 'PASS' }, ['filtered']), 'PASS', 'without a ticket')
})

t.test('two hosts of one zone are joined: of each flow the one that could run it', async (t) => {
  const elsewhere = row(TO_STA, 'unknown', { elsewhere: true })
  const proxyHost = result('dmz2', { rows: [row(TO_STA, 'open')] })
  const storefrontHost = result('dmz2', { rows: [elsewhere], started: '2026-01-02T00:00:00.000Z' })
  for (const order of [
    [proxyHost, storefrontHost],
    [storefrontHost, proxyHost],
  ]) {
    t.match(join(order, []), { verdict: 'PASS', rows: [{ observed: 'open' }] })
  }
})

t.test('the newest check of a flow counts', async (t) => {
  const before = result('dmz2', { rows: [row(TO_STA, 'filtered')] })
  const now = result('dmz2', { rows: [row(TO_STA, 'open')], started: '2026-01-02T00:00:00.000Z' })
  t.equal(join([now, before], []).verdict, 'PASS')
})

t.test('zones from which nobody has checked are told', async (t) => {
  const dmz1 = result('dmz1', { rows: [row(TO_PROXY, 'open')] })
  t.same(join([dmz1], []).missing, ['dmz2'])
})
