import type { Endpoint } from '@doublehop/wire/endpoint'
import { formatIp } from '@doublehop/wire/ip'

/**
 * What a packet that came back tells of a connection or datagram of ours: an ICMP error, which quotes the beginning of
 * what it is about (RFC 792, RFC 4443), or a reset (RFC 9293).
 */
export interface Sighting {
  readonly protocol: 'tcp' | 'udp'
  /** our end, and the one we spoke to */
  readonly from: Endpoint
  readonly to: Endpoint
  readonly told: Told
}

export type Told =
  | {
      readonly by: 'icmp'
      /** in the words of the RFCs, such as `administratively prohibited` */
      readonly kind: string
      readonly means: IcmpMeaning
      readonly sender: string
    }
  | { readonly by: 'reset'; readonly sender: string; readonly hops: number }

/** A rule refused it, nobody knows a way there, nothing listens on that port; or something that stops nobody. */
export type IcmpMeaning = 'rejected' | 'no-route' | 'port' | 'nothing'

/** Reads one packet, from its IP header on; undefined when it tells nothing. Never throws. */
export function readPacket(packet: Uint8Array): Sighting | undefined {
  const outer = readIp(packet)
  if (outer === undefined) return
  if (outer.protocol === PROTOCOL.tcp) return readReset(outer)
  const error =
    outer.protocol === PROTOCOL.icmp
      ? ICMP_ERRORS[`${outer.payload[0]} ${outer.payload[1]}`]
      : outer.protocol === PROTOCOL.icmp6
        ? ICMP6_ERRORS[`${outer.payload[0]} ${outer.payload[1]}`]
        : undefined
  const quoted = error && readIp(outer.payload.subarray(ICMP_HEADER))
  const ends = quoted && readEnds(quoted)
  if (error === undefined || ends === undefined) return
  const [kind, means] = error
  return { ...ends, told: { by: 'icmp', kind, means, sender: outer.from } }
}

/** @param hops TTL or hop limit it arrived with */
function readReset(outer: IpPacket): Sighting | undefined {
  const ends = readEnds(outer)
  if (ends === undefined || ((outer.payload[TCP_FLAGS] ?? 0) & TCP_RST) === 0) return
  // It comes from the other side, so its ends are ours the other way round.
  const { protocol, from, to } = ends
  return {
    ...{ protocol, from: to, to: from },
    told: { by: 'reset', sender: outer.from, hops: outer.hops },
  }
}

interface IpPacket {
  readonly protocol: number
  readonly from: string
  readonly to: string
  readonly hops: number
  readonly payload: Uint8Array
}

const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const
const ICMP_HEADER = 8
const TCP_FLAGS = 13
const TCP_RST = 4

/** The first fragment of an IPv4 or IPv6 packet, which alone tells ports. */
function readIp(packet: Uint8Array): IpPacket | undefined {
  const version = (packet[0] ?? 0) >> 4
  if (version === 4) return readIpv4(packet)
  return version === 6 ? readIpv6(packet) : undefined
}

/** RFC 791, 3.1. */
function readIpv4(packet: Uint8Array): IpPacket | undefined {
  const header = ((packet[0] ?? 0) & 15) * 4
  if (header < 20 || packet.length < header) return
  const fragment = word(packet, 6) & 0x1fff
  if (fragment !== 0) return
  return {
    protocol: packet[9] ?? 0,
    from: formatIp(packet.subarray(12, 16)),
    to: formatIp(packet.subarray(16, 20)),
    hops: packet[8] ?? 0,
    payload: packet.subarray(header),
  }
}

const IPV6_HEADER = 40
/** Hop-by-hop options, routing, destination options: each says how long it is (RFC 8200, 4). */
const EXTENSIONS: readonly number[] = [0, 43, 60]
const FRAGMENT = 44
const MOST_EXTENSIONS = 8

/** RFC 8200, 3 and 4. */
function readIpv6(packet: Uint8Array): IpPacket | undefined {
  if (packet.length < IPV6_HEADER) return
  let protocol = packet[6] ?? 0
  let at = IPV6_HEADER
  for (let seen = 0; seen < MOST_EXTENSIONS && at + 8 <= packet.length; seen++) {
    if (protocol === FRAGMENT && word(packet, at + 2) >> 3 !== 0) return
    if (protocol !== FRAGMENT && !EXTENSIONS.includes(protocol)) break
    const length = protocol === FRAGMENT ? 8 : ((packet[at + 1] ?? 0) + 1) * 8
    protocol = packet[at] ?? 0
    at += length
  }
  return {
    protocol,
    from: formatIp(packet.subarray(8, 24)),
    to: formatIp(packet.subarray(24, 40)),
    hops: packet[7] ?? 0,
    payload: packet.subarray(at),
  }
}

/** Addresses and ports of a TCP or UDP packet. */
function readEnds({ protocol, from, to, payload }: IpPacket): Omit<Sighting, 'told'> | undefined {
  if (payload.length < 4 || (protocol !== PROTOCOL.tcp && protocol !== PROTOCOL.udp)) return
  return {
    protocol: protocol === PROTOCOL.tcp ? 'tcp' : 'udp',
    from: { host: from, port: word(payload, 0) },
    to: { host: to, port: word(payload, 2) },
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

type IcmpErrors = Readonly<Record<string, readonly [string, IcmpMeaning]>>

/** Type and code of ICMP (RFC 792, RFC 1122, 3.2.2.1, RFC 1812, 5.2.7.1). */
const ICMP_ERRORS: IcmpErrors = {
  '3 0': ['net unreachable', 'no-route'],
  '3 1': ['host unreachable', 'no-route'],
  '3 2': ['protocol unreachable', 'rejected'],
  '3 3': ['port unreachable', 'port'],
  '3 4': ['fragmentation needed', 'nothing'],
  '3 5': ['source route failed', 'no-route'],
  '3 6': ['destination network unknown', 'no-route'],
  '3 7': ['destination host unknown', 'no-route'],
  '3 8': ['source host isolated', 'no-route'],
  '3 9': ['network administratively prohibited', 'rejected'],
  '3 10': ['host administratively prohibited', 'rejected'],
  '3 11': ['network unreachable for type of service', 'no-route'],
  '3 12': ['host unreachable for type of service', 'no-route'],
  '3 13': ['administratively prohibited', 'rejected'],
  '3 14': ['host precedence violation', 'rejected'],
  '3 15': ['precedence cutoff in effect', 'rejected'],
  '11 0': ['time to live exceeded', 'no-route'],
}

/** Type and code of ICMPv6 (RFC 4443, 3). */
const ICMP6_ERRORS: IcmpErrors = {
  '1 0': ['no route to destination', 'no-route'],
  '1 1': ['administratively prohibited', 'rejected'],
  '1 2': ['beyond scope of source address', 'no-route'],
  '1 3': ['address unreachable', 'no-route'],
  '1 4': ['port unreachable', 'port'],
  '1 5': ['source address failed policy', 'rejected'],
  '1 6': ['reject route to destination', 'rejected'],
  '2 0': ['packet too big', 'nothing'],
  '3 0': ['hop limit exceeded', 'no-route'],
}
