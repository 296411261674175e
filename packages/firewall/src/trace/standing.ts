import type { Zone } from '@doublehop/settings/zones'
import { type Flow, firewallsText, place } from '../flows/flow.ts'
import { type Firewall, firewallsBetween } from '../flows/paths.ts'
import type { Symptom } from './causes.ts'
import type { Knowledge } from './knowledge.ts'
import type { Between, Stop } from './stop.ts'

/** The firewalls that stood where a launch stopped, and how to look at them. */
export interface Standing {
  readonly firewalls: readonly Firewall[]
  /** who tried to reach whom, `address:port` where it is known */
  readonly from: string
  readonly to: string
  readonly address?: string
  /** the flow of the configuration that this is */
  readonly flow?: string
  /** what was seen, and so what may be wrong: the end of a sentence */
  readonly sentence: string
  /** the command to run next, and where */
  readonly next: string
}

/** Where the daemons of the picture stand (docs/architecture.md). */
const ZONES: Readonly<Record<Between['from'] | Between['to'], Zone>> = {
  gateway: 'dmz1',
  proxy: 'dmz2',
  sta: 'internal',
  vda: 'internal',
}

/** The step whose flow it is; a flow is told by who needs it. */
const NEEDED_IN: Readonly<Record<Between['to'], readonly number[]>> = {
  proxy: [2, 5],
  sta: [3],
  vda: [6],
}

/**
 * Which firewall stood there: by the configuration, which knows each flow, and else by the picture.
 *
 * @param server `address:port` that the ticket led to, where it is known
 * @returns undefined when no firewall can be the reason
 */
export function standingAt(
  stop: Stop,
  server: string | undefined,
  { flows }: Knowledge,
): Standing | undefined {
  const { between, cause } = stop
  if (between === undefined || cause === undefined) return undefined
  const tried = cause.address ?? (between.to === 'vda' ? server : undefined)
  const flow = flowOf(flows, between, stop.daemon, tried)
  const address = tried ?? (flow && place(flow))
  const zone = flow?.from.zone ?? ZONES[between.from]
  const firewalls = flow?.firewalls ?? firewallsBetween(zone, ZONES[between.to])
  if (firewalls.length === 0) return undefined
  const where = { firewalls: firewallsText(firewalls), address: address ?? `the ${between.to}` }
  return {
    firewalls,
    ...between,
    ...(address !== undefined && { address }),
    ...(flow && { flow: flow.id }),
    sentence: SENTENCES[cause.symptom](where),
    next: `doublehop check --zone ${zone}${flow ? ` --only ${flow.id}` : ''}`,
  }
}

interface Where {
  /** `firewall 2` */
  readonly firewalls: string
  readonly address: string
}

const SENTENCES: Readonly<Record<Symptom, (where: Where) => string>> = {
  silence: ({ firewalls, address }) =>
    `no answer from ${address}: ${firewalls} drops it, or that host is down`,
  refused: ({ firewalls, address }) =>
    `${address} refused: nothing listens there, or ${firewalls} rejects it`,
  unreachable: ({ firewalls, address }) =>
    `no way to ${address}: ${firewalls} rejects it, or a route is missing`,
  mute: ({ firewalls, address }) =>
    `${address} was reached, so ${firewalls} let the connection through, and then nothing came back in time`,
  broke: ({ firewalls, address }) =>
    `the connection to ${address} was open and broke: the daemon there ended, or ${firewalls} forgot it`,
  tls: ({ firewalls, address }) =>
    `${address} was reached, so ${firewalls} let it through, but TLS failed: compare certificates, and see that nobody intercepts`,
  name: ({ firewalls }) =>
    `the name did not resolve: look at the name servers first; ${firewalls} was not asked yet`,
  unknown: ({ firewalls, address }) =>
    `${address} could not be reached: ${firewalls} stands before it`,
}

/** The flow that should have let it through: by where it led, by who dialled, and else by the step alone. */
function flowOf(
  flows: readonly Flow[],
  { to }: Between,
  daemon: string,
  address: string | undefined,
): Flow | undefined {
  const needed = flows.filter(
    ({ steps, protocol }) =>
      protocol === 'tcp' && NEEDED_IN[to].some((step) => steps.includes(step)),
  )
  const there =
    address === undefined
      ? needed
      : needed.filter(
          (flow) => place(flow) === address || `${flow.to.host}:${flow.port}` === address,
        )
  return there.find(({ from }) => from.name === daemon) ?? there[0]
}
