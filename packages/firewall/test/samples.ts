import type { Zone } from '@doublehop/settings/zones'
import { findingsOf } from '../src/check/findings.ts'
import type { CheckResult, Layer, Observed, PathRow, Row } from '../src/check/result.ts'
import type { Flow } from '../src/flows/flow.ts'
import { type Joined, join } from '../src/report/join.ts'
import { sampleFlows } from './sample-topology.ts'

/** What checks of the sample topology say, in whatever state its firewalls are. */

const LAYERS: Readonly<Record<Flow['speaks'], readonly Layer['layer'][]>> = {
  socks: ['tcp', 'tls', 'socks'],
  storefront: ['tcp', 'tls', 'http'],
  sta: ['tcp', 'tls', 'http', 'sta'],
  'sta-health': ['tcp', 'tls', 'http'],
  ica: ['tcp', 'ica'],
  echo: ['tcp', 'echo'],
  metrics: ['tcp', 'http'],
  redis: ['tcp', 'redis'],
  dns: ['udp', 'dns'],
  ntp: ['udp', 'ntp'],
  edt: ['udp', 'nonce'],
  tcp: ['tcp'],
}

const BLOCKED_CODES: Partial<Record<Observed, string>> = {
  filtered: 'DH_FW_FILTERED',
  closed: 'DH_FW_CLOSED',
  rejected: 'DH_FW_REJECTED',
  'no-route': 'DH_FW_NO_ROUTE',
  intercepted: 'DH_FW_INTERCEPTED',
  'wrong-service': 'DH_FW_WRONG_SERVICE',
  unknown: 'DH_FW_UNKNOWN',
}

/** Flows that show something else than they must, by id, and what is told of them. */
export type Troubles = Readonly<Record<string, readonly [Observed, string?]>>

/** One zone's check from all its hosts, with these troubles. @param family of the topology */
export function sampleCheck(zone: Zone, troubles: Troubles = {}, family: 4 | 6 = 4): CheckResult {
  const flows = sampleFlows(family).filter(({ from }) => from.zone === zone)
  const rows = flows.map((flow) => rowOf(flow, troubles[flow.id]))
  const ran = rows.filter(({ verdict }) => verdict !== 'SKIP')
  return {
    doublehop: 'check',
    version: 1,
    zone,
    from: [...new Set(ran.map(({ flow }) => flow.from.address))],
    started: '2026-03-02T09:30:00.000Z',
    seconds: ran.some(({ observed }) => observed === 'filtered') ? 4.1 : 0.2,
    timeoutSeconds: 4,
    rows,
    paths: zone === 'dmz1' ? [pathOf(rows)] : [],
    findings: findingsOf(rows),
    sessions: [],
  }
}

/** The same, run on one host: rows from other addresses are for the hosts that have them. */
export function onHost(result: CheckResult, address: string): CheckResult {
  const rows = result.rows.map((row): Row => {
    const { from } = row.flow
    if (from.address === address) return row
    const { flow } = row
    const note = `run on ${from.name}, ${from.address}`
    return { flow, layers: [], observed: 'unknown', verdict: 'SKIP', note, ports: [] }
  })
  const ran = new Set(rows.filter(({ verdict }) => verdict !== 'SKIP').map(({ flow }) => flow.id))
  const paths = result.paths.filter(({ through }) => ran.has(through))
  return { ...result, from: [address], rows, paths, findings: findingsOf(rows) }
}

const EVERY: readonly Zone[] = ['internet', 'lan', 'dmz1', 'dmz2', 'internal', 'management']

/** Every zone checked, with these troubles. */
export function everyZone(troubles: Troubles = {}, family: 4 | 6 = 4): Joined {
  return join(
    EVERY.map((zone) => sampleCheck(zone, troubles, family)),
    [],
  )
}

/** DMZ 1 in each of the states that a check can find it in. */
export const samples = {
  healthy: sampleCheck('dmz1'),
  blocked: sampleCheck('dmz1', { 'gateway-proxy-1080': ['filtered'] }),
  leak: sampleCheck('dmz1', { 'gateway-vda-2598': ['open'], 'gateway-proxy-1080': ['filtered'] }),
  intercepted: sampleCheck('dmz1', {
    'gateway-proxy-1080': [
      'intercepted',
      'the key is not that of proxy; issuer CN=Inspection CA, O=Example',
    ],
  }),
  noVerdict: sampleCheck('dmz1', {
    'gateway-storefront-8444': ['unknown', 'EADDRNOTAVAIL 10.2.0.2'],
  }),
  ipv6: sampleCheck('dmz1', { 'gateway-proxy-1080': ['rejected', 'ICMPv6 1/1'] }, 6),
  oneHostOfTwo: onHost(
    sampleCheck('dmz2', { 'proxy-vda-2598': ['rejected', 'ICMP 3/13 from 10.3.0.1'] }),
    '10.3.0.2',
  ),
} satisfies Record<string, CheckResult>

/** What nobody would write, and a peer may: markup, quotes, a colour, a turn of direction. */
export const HOSTILE =
  '<script>alert("1")</script> \' " & ]]> `$x` \\ # TODO \n---\n...\r\n\u001b[31m\u202egnirts'

/** Everything that holds text of others holds that. */
export const hostile: CheckResult = withHostileText(samples.leak)

function withHostileText(result: CheckResult): CheckResult {
  const rows = result.rows.map((row, index) => ({
    ...row,
    note: HOSTILE,
    seenAs: HOSTILE,
    layers: row.layers.map((layer) => ({ ...layer, note: HOSTILE })),
    flow: index === 0 ? { ...row.flow, id: HOSTILE, why: HOSTILE } : row.flow,
  }))
  return {
    ...result,
    from: [HOSTILE],
    rows,
    paths: result.paths.map((path) => ({ ...path, note: HOSTILE, label: HOSTILE })),
    findings: result.findings.map((finding) => ({
      ...finding,
      code: HOSTILE,
      sentence: HOSTILE,
      capture: HOSTILE,
      flows: [HOSTILE],
    })),
    sessions: [{ daemon: HOSTILE, peer: HOSTILE, peerName: HOSTILE, server: HOSTILE }],
  }
}

function rowOf(flow: Flow, trouble: Troubles[string] | undefined): Row {
  const { id, expect, from, to, protocol, port, firewalls, why, steps } = flow
  const observed = trouble?.[0] ?? (expect === 'allow' ? 'open' : 'filtered')
  const note = trouble?.[1]
  const verdict = judged(expect, observed)
  const code = verdict === 'LEAK' ? 'DH_FW_LEAK' : BLOCKED_CODES[observed]
  return {
    flow: {
      ...{ id, expect, protocol, port, firewalls: [...firewalls], why, steps: [...steps] },
      from: { name: from.name, zone: from.zone, address: from.address ?? from.network },
      to: { name: to.name, zone: to.zone, address: to.address },
    },
    layers: layersOf(flow, observed),
    ...{ observed, verdict },
    ...(note !== undefined && { note }),
    ...(verdict !== 'PASS' && code !== undefined && { code }),
    ports: [40_000 + port],
  }
}

function judged(expect: Flow['expect'], observed: Observed): Row['verdict'] {
  if (observed === 'unknown') return 'UNKNOWN'
  if (expect === 'allow') return observed === 'open' ? 'PASS' : 'BLOCKED'
  return observed === 'open' ? 'LEAK' : 'PASS'
}

function layersOf({ expect, speaks }: Flow, observed: Observed): Layer[] {
  const [first = 'tcp', ...above] = LAYERS[speaks]
  if (expect === 'deny') return [{ layer: first, result: observed === 'open' ? 'pass' : 'fail' }]
  const all = [first, ...above]
  if (observed === 'open') return all.map((layer) => ({ layer, result: 'pass' }))
  const failing = observed === 'intercepted' ? all.indexOf('tls') : 0
  return all.map((layer, index) => ({
    layer,
    result: index < failing ? 'pass' : index === failing ? 'fail' : 'skip',
  }))
}

function pathOf(rows: readonly Row[]): PathRow {
  const through = rows.find(({ flow }) => flow.id === 'gateway-proxy-1080')
  const path = {
    id: 'gateway-proxy-sta',
    through: 'gateway-proxy-1080',
    behind: ['proxy-sta-8080'],
  }
  const label = 'gateway → proxy → STA01'
  return through?.verdict === 'PASS'
    ? { ...path, label, verdict: 'PASS' }
    : { ...path, label, verdict: 'SKIP', note: 'gateway-proxy-1080 is not open' }
}
