import { parseEndpoint } from '@doublehop/wire/endpoint'
import { KINDS, type Kind, type Knowledge } from './knowledge.ts'
import { isUnseen, type LogLine } from './log-line.ts'

/** The lines of one session by who wrote them. */
export interface Witnesses {
  readonly gateway: readonly LogLine[]
  readonly proxy: readonly LogLine[]
  readonly sta: readonly LogLine[]
  /** lines with its id that somebody else caused */
  readonly strangers: readonly Stranger[]
}

/** Who used this session id without being the gateway, or the proxy, that it belongs to. */
export interface Stranger {
  readonly daemon: string
  /** the name of its certificate, and where it came from */
  readonly peerName: string
  readonly peer: string
  readonly lines: number
}

/**
 * Tells whose lines these are. The id alone joins nothing, since whoever may connect to a proxy can make one up: a
 * line of a proxy counts when its peer showed the certificate of the gateway that made the id, and a line of an STA
 * when its peer is one of those. A listener without TLS sees no certificate, and its lines are taken as they are.
 */
export function witnessesOf(lines: readonly LogLine[], knowledge: Knowledge): Witnesses {
  const byDaemon = Map.groupBy(lines, ({ daemon }) => daemon)
  const kinds = new Map(
    [...byDaemon].map(([daemon, own]) => [daemon, kindOf(daemon, own, knowledge)]),
  )
  const of = (kind: Kind) =>
    lines.filter(({ daemon }) => kinds.get(daemon) === kind).sort((a, b) => a.time - b.time)
  const shownBy = (own: readonly LogLine[]) =>
    own.map(({ daemon }) => knowledge.certificates.get(daemon) ?? daemon)

  const gateway = of('gateway')
  const known = new Set(shownBy(gateway))
  // Where no gateway has been heard, nobody made this id but who came to the proxy with it.
  const gateways = known.size > 0 ? known : new Set(firstName(of('proxy')))
  const proxy = of('proxy').filter((line) => isOneOf(gateways, line))
  const proxies = new Set(shownBy(of('proxy')))
  // Over a foreign next hop it is the gateway that the STA sees.
  const askers = new Set([...gateways, ...(proxies.size > 0 ? proxies : named('proxy', knowledge))])
  const sta = of('sta').filter((line) => isOneOf(askers, line))
  const joined = new Set([...gateway, ...proxy, ...sta])
  const left = [...of('proxy'), ...of('sta')].filter((line) => !joined.has(line))
  return { gateway, proxy, sta, strangers: strangersIn(left) }
}

function isOneOf(names: ReadonlySet<string>, { peerName }: LogLine): boolean {
  return peerName === undefined || names.has(peerName)
}

function firstName(lines: readonly LogLine[]): string[] {
  const first = lines.find(({ peerName }) => peerName !== undefined)?.peerName
  return first === undefined ? [] : [first]
}

function named(kind: Kind, { kinds, certificates }: Knowledge): string[] {
  const names = [...kinds].flatMap(([name, one]) => (one === kind ? [name] : []))
  return (names.length > 0 ? names : [kind]).map((name) => certificates.get(name) ?? name)
}

/** Which daemon it is: as configured, by what only it does, or by the name it has unless told otherwise. */
function kindOf(daemon: string, lines: readonly LogLine[], { kinds }: Knowledge): Kind | undefined {
  return (
    kinds.get(daemon) ??
    lines.map(kindByDoing).find((kind) => kind !== undefined) ??
    KINDS.find((kind) => kind === daemon) ??
    lines.map(kindByFailing).find((kind) => kind !== undefined)
  )
}

const STEPS_OF_GATEWAY: readonly (number | undefined)[] = [1, 5, 7, 8, 9]
const EVENTS_OF_PROXY: readonly string[] = [
  'relay-refused',
  'half-spent',
  'grant-minted',
  'grant-accepted',
  'grant-refused',
]

function kindByDoing(line: LogLine): Kind | undefined {
  const { event, step, route = '', audit, peer = '' } = line
  if (event === 'step' && STEPS_OF_GATEWAY.includes(step)) return 'gateway'
  if (event === 'step' && route.startsWith('proxy →') && !isUnseen(line)) return 'proxy'
  if (EVENTS_OF_PROXY.includes(event)) return 'proxy'
  if (event === 'sta-refused') return 'sta'
  // Of those that redeem a ticket only the STA says so in its log, and it knows its peers by address alone.
  if (event === 'ticket-redeemed' && (!audit || parseEndpoint(peer) === undefined)) return 'sta'
  return undefined
}

function kindByFailing({ event, step, peerName }: LogLine): Kind | undefined {
  if (event !== 'launch-failed') return undefined
  return step === 1 && peerName === undefined ? 'gateway' : 'proxy'
}

function strangersIn(lines: readonly LogLine[]): Stranger[] {
  const groups = Map.groupBy(lines, ({ daemon, peerName }) => `${daemon} ${peerName}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const { daemon, peerName = '', peer = '' } = first
    return [{ daemon, peerName, peer, lines: group.length }]
  })
}
