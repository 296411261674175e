import type { Told } from './icmp.ts'
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

/**
 * What an error of connect(2), or of a connected UDP socket, means without having seen the packet behind it. Linux makes
 * ECONNREFUSED of a reset and of ICMP port unreachable, EHOSTUNREACH of a host that does not answer ARP and of most of
 * what firewalls send, and EACCES of what they send over IPv6.
 */
export function meaningOfError(code: string): Meaning {
  return MEANINGS[code] ?? { observed: 'unknown', note: code, detail: code }
}

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
