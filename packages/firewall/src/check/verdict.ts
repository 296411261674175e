import type { Code } from '@doublehop/errors/catalogue'
import type { Observation } from './observation.ts'
import type { Probe } from './plan.ts'
import type { Observed, Row } from './result.ts'

/** What must not be seen on a flow that is needed, and the code of each. */
const WRONG = {
  filtered: 'DH_FW_FILTERED',
  closed: 'DH_FW_CLOSED',
  rejected: 'DH_FW_REJECTED',
  'no-route': 'DH_FW_NO_ROUTE',
  intercepted: 'DH_FW_INTERCEPTED',
  'wrong-service': 'DH_FW_WRONG_SERVICE',
} as const satisfies Record<Exclude<Observed, 'open' | 'unknown'>, Code>

/** What a row alone can be a finding of. */
export const ROW_CODES = [
  ...Object.values(WRONG),
  'DH_FW_LEAK',
  'DH_FW_DNS',
  'DH_FW_CERTIFICATE',
  'DH_FW_UNKNOWN',
] as const
export type RowCode = (typeof ROW_CODES)[number]

/** Holds what was seen of a flow against what must be. */
export function judge(probe: Probe, observation: Observation): Row {
  const { layers, observed, ports, nonces, note, standIn } = observation
  const common = {
    flow: checkedFlow(probe),
    ...{ layers: [...layers], observed, ports: [...ports] },
    ...(nonces && { nonces: [...nonces] }),
    ...(standIn && standIn.address !== probe.from.address && { seenAs: standIn.address }),
  }
  if (observation.elsewhere) return { ...common, verdict: 'SKIP', note: runOn(probe) }
  const judged = probe.expect === 'allow' ? needed(observation) : forbidden(observation)
  const told = [note, judged.note].filter((one) => one !== undefined).join('; ')
  return { ...common, ...judged, ...(told !== '' && { note: told }) }
}

/** A probe that nobody can run here. */
export function skipped(probe: Probe, note: string): Row {
  return {
    flow: checkedFlow(probe),
    layers: [],
    observed: 'unknown',
    verdict: 'SKIP',
    note,
    ports: [],
  }
}

/** Where a probe has to be run whose source address is not this host's. */
export function runOn({ from: { name, network, address } }: Probe): string {
  return address === undefined ? `run on a host in ${network}` : `run on ${name}, ${address}`
}

interface Judged extends Pick<Row, 'verdict' | 'note'> {
  readonly code?: RowCode
}

function needed({ observed, layers }: Observation): Judged {
  if (observed === 'open') return { verdict: 'PASS' }
  const failed = layers.find(({ result }) => result === 'fail')?.layer
  if (failed === 'name') return { verdict: 'BLOCKED', code: 'DH_FW_DNS' }
  if (observed === 'unknown')
    return { verdict: 'UNKNOWN', code: failed === 'tls' ? 'DH_FW_CERTIFICATE' : 'DH_FW_UNKNOWN' }
  return { verdict: 'BLOCKED', code: WRONG[observed] }
}

/** Whatever came back, it was no connection; who sent it cannot always be told. */
function forbidden({ observed }: Observation): Judged {
  if (observed === 'open' || observed === 'intercepted' || observed === 'wrong-service')
    return { verdict: 'LEAK', code: 'DH_FW_LEAK' }
  if (observed === 'unknown') return { verdict: 'UNKNOWN', code: 'DH_FW_UNKNOWN' }
  if (observed === 'closed')
    return { verdict: 'PASS', note: 'doublehop listen there would tell whether it gets through' }
  return { verdict: 'PASS' }
}

/** A flow as results name it. */
export function checkedFlow(probe: Probe): Row['flow'] {
  const { id, expect, from, to, protocol, port, firewalls, why, steps } = probe
  return {
    ...{ id, expect, protocol, port, firewalls, why, steps },
    from: { name: from.name, zone: from.zone, address: from.address ?? from.network },
    to: { name: to.name, zone: to.zone, address: to.address },
  }
}
