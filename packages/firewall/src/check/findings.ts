import { type Fault, fault } from '@doublehop/errors/fault'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { firewallsText } from '../flows/flow.ts'
import type { Firewall } from '../flows/paths.ts'
import type { Arrival, Finding, Row } from './result.ts'
import { capture, consequence, rule } from './sentence.ts'
import { withoutState } from './state.ts'
import { ROW_CODES } from './verdict.ts'

const LEVELS: readonly Finding['level'][] = ['leak', 'blocked', 'unknown', 'note']

/**
 * What is wrong, and what to do: one finding for each cause, the worst first. A firewall that lets nothing through is
 * one cause, however many flows it stops.
 *
 * @param arrivals what `doublehop listen` got at the far ends: it tells a lost answer from a lost question
 */
export function findingsOf(rows: readonly Row[], arrivals: readonly Arrival[] = []): Finding[] {
  const silent = withoutState(rows)
  const answered = { halfOpen: halfOpen(arrivals), datagrams: datagrams(arrivals) }
  const stopped = new Set(silent.flatMap(({ rows: all }) => all))
  const alone = rows.filter((row) => row.code !== undefined && !stopped.has(row))
  const findings = [
    ...silent.map(({ firewall, rows: all }) => stateFinding(firewall, all)),
    ...alone.map((row) => findingOf(row, answered)),
    ...rows.filter(({ seenAs }) => seenAs !== undefined).map(natFinding),
  ]
  return findings.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level))
}

function findingOf(row: Row, answered: Answered): Finding {
  const { flow, verdict } = row
  const { code, message } = isAnswerLost(row, answered) ? answerLost(row) : told(row)
  const level = verdict === 'LEAK' ? 'leak' : verdict === 'BLOCKED' ? 'blocked' : 'unknown'
  return {
    ...{ code, level, sentence: sentenceOf(message) },
    ...{ flows: [flow.id], firewalls: flow.firewalls, capture: capture(flow) },
  }
}

function told(row: Row): Fault {
  const { flow, note } = row
  return fault(ROW_CODES.find((code) => code === row.code) ?? 'DH_FW_UNKNOWN', {
    ...{ rule: rule(flow), why: flow.why, consequence: consequence(flow) },
    ...{ firewalls: firewallsText(flow.firewalls), name: flow.to.name, address: flow.to.address },
    let: flow.firewalls.length === 1 ? 'lets' : 'let',
    seen: note ?? lastNote(row),
  })
}

function answerLost({ flow }: Row): Fault {
  const firewalls = firewallsText(flow.firewalls.toReversed())
  return fault('DH_FW_ANSWER_LOST', { rule: rule(flow), firewalls })
}

/** What arrived at the far ends and was answered there. */
interface Answered {
  readonly halfOpen: HalfOpen
  /** the nonces that were in them */
  readonly datagrams: ReadonlySet<string>
}

/**
 * A SYN of one of these attempts stands answered at the far end, or a datagram was. Translation may have changed the
 * address of a SYN, seldom its port.
 */
function isAnswerLost({ flow, observed, ports, nonces = [] }: Row, answered: Answered): boolean {
  if (flow.protocol === 'udp' && (observed === 'filtered' || observed === 'unknown'))
    return nonces.some((nonce) => answered.datagrams.has(nonce))
  if (observed !== 'filtered') return false
  const from = answered.halfOpen.get(formatEndpoint({ host: flow.to.address, port: flow.port }))
  return from !== undefined && ports.some((port) => from.has(port))
}

/** The source ports of SYNs that stand answered, by the place they came to. */
type HalfOpen = ReadonlyMap<string, ReadonlySet<number>>

function halfOpen(arrivals: readonly Arrival[]): HalfOpen {
  const open = arrivals.filter(({ state }) => state === 'half-open')
  const byPlace = Map.groupBy(open, ({ at }) => at)
  return new Map(
    [...byPlace].map(([at, all]) => [at, new Set(all.map(({ from }) => portOf(from)))] as const),
  )
}

function datagrams(arrivals: readonly Arrival[]): ReadonlySet<string> {
  return new Set(arrivals.flatMap(({ state, nonce }) => (state === 'datagram' && nonce) || []))
}

function stateFinding(firewall: Firewall, rows: readonly Row[]): Finding {
  const { message } = fault('DH_FW_STATE', {
    ...{ firewalls: firewallsText([firewall]), number: firewall, count: rows.length },
  })
  const [first] = rows
  return {
    ...{
      code: 'DH_FW_STATE',
      level: 'blocked',
      sentence: sentenceOf(message),
      firewalls: [firewall],
    },
    flows: rows.map(({ flow }) => flow.id),
    capture: first === undefined ? '' : capture(first.flow),
  }
}

function natFinding({ flow, seenAs = '' }: Row): Finding {
  const { daemon, address, firewalls } = {
    ...{ daemon: flow.to.name, address: flow.from.address, firewalls: flow.firewalls },
  }
  return translated({ flow: flow.id, daemon, seen: seenAs, expected: address, firewalls })
}

/** A note: the far end sees another source address than the one it was sent from. */
export function translated(seen: {
  readonly flow: string
  readonly daemon: string
  readonly seen: string
  readonly expected: string
  readonly firewalls: readonly Firewall[]
}): Finding {
  const { message } = fault('DH_FW_NAT', {
    ...{ daemon: seen.daemon, seen: seen.seen, expected: seen.expected },
    firewalls: firewallsText(seen.firewalls),
    translate: seen.firewalls.length === 1 ? 'translates' : 'translate',
  })
  return {
    ...{ code: 'DH_FW_NAT', level: 'note', sentence: sentenceOf(message), flows: [seen.flow] },
    firewalls: [...seen.firewalls],
    capture: `host ${seen.seen}`,
  }
}

/** Messages of the catalogue end without a full stop. */
function sentenceOf(message: string): string {
  return message.endsWith('.') ? message : `${message}.`
}

function lastNote({ layers }: Row): string {
  return layers.findLast(({ result }) => result === 'fail')?.note ?? 'nothing more was seen'
}

function portOf(place: string): number {
  return Number(place.slice(place.lastIndexOf(':') + 1))
}
