import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Told } from './icmp.ts'
import type { Probe } from './plan.ts'
import type { Observed } from './result.ts'
import type { Witness, WitnessedAttempt } from './witness.ts'

/** How an attempt ended, in the one word and what that word leaves open. */
export interface Meaning {
  readonly observed: Observed
  /** for the row; left out where the word says all */
  readonly note?: string
  /** for the layer */
  readonly detail: string
  /** the address that it should have started from is not one of this host */
  readonly elsewhere?: true
}

/** How long the witness may take to have seen what the kernel told first, as a part of the timeout. */
const WITNESS_GRACE = 0.3

/**
 * What an error of connect(2), or of a connected UDP socket, means: by the packet behind it, where the witness has seen
 * that, and else by its code.
 */
export async function meaningOfError(
  { code, from }: { readonly code: string; readonly from: Endpoint | undefined },
  { protocol, to, port }: Probe,
  {
    milliseconds,
    witness,
  }: { readonly milliseconds: number; readonly witness?: Witness | undefined },
): Promise<Meaning> {
  const meaning = MEANINGS[code] ?? { observed: 'unknown', note: code, detail: code }
  if (from === undefined || meaning.elsewhere) return meaning
  const attempt = { protocol, from, to: { host: to.address, port } }
  const packet = await meaningSeen(witness, attempt, WITNESS_GRACE * milliseconds)
  if (packet !== undefined) return packet
  // Every router that has no route says so; without a word of one it is this host that has none.
  if (code === 'ENETUNREACH' && witness?.watching)
    return { ...meaning, note: 'this host has no route there', detail: 'no route on this host' }
  return meaning
}

/**
 * Without having seen the packet. Linux makes ECONNREFUSED of a reset and of ICMP port unreachable, EHOSTUNREACH of a
 * host that does not answer ARP and of most of what firewalls send, and EACCES of what they send over IPv6.
 */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: {
    observed: 'closed',
    note: 'closed or rejected',
    detail: 'connection refused',
  },
  EHOSTUNREACH: {
    observed: 'rejected',
    note: 'rejected or host down',
    detail: 'host unreachable',
  },
  EACCES: {
    observed: 'rejected',
    note: 'administratively prohibited',
    detail: 'administratively prohibited',
  },
  ENOPROTOOPT: {
    observed: 'rejected',
    note: 'protocol unreachable',
    detail: 'protocol unreachable',
  },
  // What netfilter answers to a send that the output chain of this very host drops.
  EPERM: {
    observed: 'rejected',
    note: 'a rule on this host itself forbids it',
    detail: 'not permitted here',
  },
  ENETUNREACH: {
    observed: 'no-route',
    note: 'no route from here, or a router on the way has none',
    detail: 'network unreachable',
  },
  EHOSTDOWN: { observed: 'no-route', note: 'host down', detail: 'host down' },
  EADDRNOTAVAIL: {
    observed: 'unknown',
    detail: 'not an address of this host',
    elsewhere: true,
  },
}

/** The most certain thing there is: the packet itself. Undefined where it stops nobody. */
function meaningOfPacket(
  told: Told,
  { protocol, from, to }: { protocol: 'tcp' | 'udp'; from: string; to: string },
): Meaning | undefined {
  if (told.by === 'reset') {
    // A firewall may reset in the destination's name; how far the reset came tells the two apart.
    const note = `reset by ${told.sender}, which arrived with TTL ${told.hops}`
    return { observed: 'closed', note, detail: note }
  }
  if (told.means === 'nothing') return
  const note = `ICMP ${told.kind} from ${told.sender}`
  if (told.means === 'rejected') return { observed: 'rejected', note, detail: note }
  if (told.means === 'port') {
    // Hosts answer so to datagrams only; to a connection it is always somebody's rule.
    const isHost = protocol === 'udp' && told.sender === to
    return { observed: isHost ? 'closed' : 'rejected', note, detail: note }
  }
  // Our own kernel tells us by the same message that nobody answered its question.
  if (told.sender === from) {
    const question = to.includes(':') ? 'neighbour discovery' : 'ARP'
    const down = `no answer to ${question}: the first firewall, or a host on this network, is down`
    return { observed: 'no-route', note: down, detail: down }
  }
  return { observed: 'no-route', note, detail: note }
}

/** The same as soon as the witness has seen it; undefined without a witness, and when nothing came in time. */
export async function meaningSeen(
  witness: Witness | undefined,
  attempt: WitnessedAttempt,
  milliseconds: number,
  over?: AbortSignal,
): Promise<Meaning | undefined> {
  const told = await witness?.about(attempt, milliseconds, over)
  const { protocol, from, to } = attempt
  return told && meaningOfPacket(told, { protocol, from: from.host, to: to.host })
}
