import { parseEndpoint } from '@doublehop/wire/endpoint'
import { type ClockDifference, clockDifferences, launchOrder } from './clocks.ts'
import type { Gathered } from './gather.ts'
import type { Knowledge } from './knowledge.ts'
import { beganAt, type LogLine } from './log-line.ts'
import { closings, isRedeemedByProxy, rowsOf, type TracedStep } from './rows.ts'
import { type Standing, standingAt } from './standing.ts'
import { type Stop, stopOf } from './stop.ts'
import { type Stranger, type Witnesses, witnessesOf } from './witnesses.ts'

/** One session, as the logs of all daemons tell it together. */
export interface Trace {
  readonly session: string
  /** milliseconds since 1970 */
  readonly began: number
  /** `address:port` of the workspace, as the gateway saw it */
  readonly client?: string
  /** `address:port` that the ticket led to */
  readonly server?: string
  readonly app?: string
  readonly redeemedAt: 'gateway' | 'proxy'
  readonly steps: readonly TracedStep[]
  readonly stop?: Stop
  readonly standing?: Standing
  /** how it ended, as each daemon says; empty while it is open, and where nobody was heard */
  readonly endings: readonly Ending[]
  /** what STA and server say of it */
  readonly seen: readonly Seen[]
  readonly clocks: readonly ClockDifference[]
  readonly strangers: readonly Stranger[]
}

export interface Ending {
  readonly daemon: string
  /** milliseconds since 1970, by that daemon's clock */
  readonly time: number
  /** as in docs/steps.md; a server gives none */
  readonly reason?: string
  readonly bytesUp: number
  readonly bytesDown: number
  readonly ms: number
}

/** Something that a daemon wrote down without knowing of the session. */
export interface Seen {
  readonly daemon: string
  readonly time: number
  readonly what: string
}

/** Finds what servers say of connections from `address:port`. */
export type AskServers = (place: string) => readonly LogLine[]

/** Clocks may differ, and a port is used again: what lies further apart is another connection. */
const FARTHEST_MILLISECONDS = 600_000
/** A connection opens, and is accepted, at once; its lines tell its beginning that precisely. */
const SAME_MILLISECONDS = 2000

/** Makes one trace of what the logs hold of a session. */
export function traceOf(
  { session, lines, began }: Gathered,
  servers: AskServers,
  knowledge: Knowledge,
): Trace {
  const witnesses = witnessesOf(lines, knowledge)
  const { gateway, proxy, strangers } = witnesses
  const server = serverOf(witnesses)
  const accepted = acceptedBy(proxy, servers)
  const app = accepted.find((line) => line.app)?.app ?? knowledge.apps.get(server ?? '')
  const stop = stopOf(witnesses)
  const standing = stop && standingAt(stop, server, knowledge)
  const client = gateway[0]?.peer
  const byProxy = isRedeemedByProxy(witnesses)
  return {
    ...{ session, began },
    ...(client !== undefined && { client }),
    ...(server !== undefined && { server }),
    ...(app !== undefined && { app }),
    redeemedAt: byProxy ? 'proxy' : 'gateway',
    steps: rowsOf(witnesses, stop),
    ...(stop && { stop }),
    ...(standing && { standing }),
    endings: [...closings(gateway), ...closings(proxy), ...closings(accepted)].map(endingOf),
    seen: [...seenBySta(witnesses), ...seenByServer(accepted)],
    clocks: clockDifferences(witnesses, accepted, launchOrder(byProxy)),
    strangers,
  }
}

/** The places that proxies dialled from in these sessions, by which the lines of servers are found. */
export function dialledFrom(sessions: readonly Gathered[]): Set<string> {
  return new Set(
    sessions.flatMap(({ lines }) =>
      lines.flatMap(({ event, step, from }) =>
        event === 'step' && step === 6 && from !== undefined ? [from] : [],
      ),
    ),
  )
}

function serverOf({ gateway, proxy }: Witnesses): string | undefined {
  const told = [...gateway, ...proxy].flatMap(({ event, step, detail = '', server }) => {
    const at = event === 'step' && (step === 4 || step === 6) ? detail : server
    return at !== undefined && parseEndpoint(at) !== undefined ? [at] : []
  })
  return told.at(-1)
}

/** What the server says of the connection that the proxy dialled: of those from that place the one nearest in time. */
function acceptedBy(proxy: readonly LogLine[], servers: AskServers): LogLine[] {
  const dialled = proxy.findLast(({ event, step, from }) => event === 'step' && step === 6 && from)
  if (dialled?.from === undefined) return []
  const lines = servers(dialled.from)
  const apart = (line: LogLine): number => Math.abs(beganAt(line) - dialled.time)
  const nearest = lines
    .filter(({ event }) => event !== 'session-failed')
    .toSorted((a, b) => apart(a) - apart(b))[0]
  if (nearest === undefined || apart(nearest) > FARTHEST_MILLISECONDS) return []
  const began = beganAt(nearest)
  const same = lines.filter((line) => Math.abs(beganAt(line) - began) <= SAME_MILLISECONDS)
  const end = Math.max(began, ...same.map(({ time }) => time))
  const failed = lines.filter(({ event, time }) => event === 'session-failed' && time >= began)
  return [...new Set([...same, ...failed.filter(({ time }) => time <= end)])]
}

function endingOf({ daemon, time, reason, bytesUp = 0, bytesDown = 0, ms = 0 }: LogLine): Ending {
  return { daemon, time, ...(reason !== undefined && { reason }), bytesUp, bytesDown, ms }
}

function seenBySta({ sta }: Witnesses): Seen[] {
  return sta.flatMap(({ daemon, time, event, audit, peerName, peer, code, msg }) => {
    if (audit) return []
    if (event === 'ticket-redeemed')
      return [{ daemon, time, what: `redeemed the ticket for ${peerName ?? peer}` }]
    return event === 'sta-refused' ? [{ daemon, time, what: `${code}: ${msg}` }] : []
  })
}

function seenByServer(lines: readonly LogLine[]): Seen[] {
  const [first] = lines.toSorted((a, b) => beganAt(a) - beganAt(b))
  if (first === undefined) return []
  const { daemon, app, peer } = first
  const opened = { daemon, time: beganAt(first), what: `${app} was reached from ${peer}` }
  const failed = lines.filter(({ event }) => event === 'session-failed')
  return [
    opened,
    ...failed.map(({ time, code, msg }) => ({ daemon, time, what: `${code}: ${msg}` })),
  ]
}
