import type { Zone } from '@doublehop/settings/zones'
import type { Observation } from '../src/check/observation.ts'
import type { Probe } from '../src/check/plan.ts'
import type { Row } from '../src/check/result.ts'
import { judge } from '../src/check/verdict.ts'
import { firewallsBetween } from '../src/flows/paths.ts'

const ADDRESSES: Readonly<Record<string, readonly [Zone, string]>> = {
  internet: ['internet', '198.51.100.10'],
  lan: ['lan', '10.5.0.10'],
  gateway: ['dmz1', '10.2.0.2'],
  proxy: ['dmz2', '10.3.0.2'],
  storefront: ['dmz2', '10.3.0.3'],
  sta: ['internal', '10.4.0.2'],
  vda: ['internal', '10.4.0.3'],
}

/** `probe('gateway', 'proxy', 1080)` as the configuration of the picture would make it. */
export function probe(from: string, to: string, port: number, more: Partial<Probe> = {}): Probe {
  const [fromZone, source] = ADDRESSES[from] ?? ['internet', '']
  const [toZone, address] = ADDRESSES[to] ?? ['internet', '']
  return {
    id: `${from}-${to}-${port}`,
    expect: 'allow',
    from: { name: from, zone: fromZone, network: source, address: source },
    to: { name: to, zone: toZone, address },
    ...{ protocol: 'tcp', port, firewalls: [...firewallsBetween(fromZone, toZone)] },
    ...{ why: 'it is needed', steps: [], speaks: 'tcp' },
    ...more,
  }
}

/** What a probe saw, judged. */
export function row(of: Probe, observed: Row['observed'], more: Partial<Observation> = {}): Row {
  return judge(of, { layers: [], observed, ports: [40_001], ...more })
}
