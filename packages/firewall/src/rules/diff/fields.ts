import { parseIp, parseNetwork } from '@doublehop/wire/ip'
import { type Interval, type Intervals, intervals, numbers } from './intervals.ts'
import { IPV4, IPV6, type Packets, STATES } from './packets.ts'

/** How the fields of a packet are called in rules, by number. */

export const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  'ipv6-icmp': 58,
  sctp: 132,
  udplite: 136,
}

/** IANA, ICMP Type Numbers. */
const ICMP_TYPES: Readonly<Record<string, number>> = {
  'echo-reply': 0,
  'destination-unreachable': 3,
  'source-quench': 4,
  redirect: 5,
  'echo-request': 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'parameter-problem': 12,
  'timestamp-request': 13,
  'timestamp-reply': 14,
}

/** IANA, ICMPv6 "type" Numbers. */
const ICMPV6_TYPES: Readonly<Record<string, number>> = {
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
}

const FLAGS: Readonly<Record<string, number>> = {
  fin: 1,
  syn: 2,
  rst: 4,
  psh: 8,
  ack: 16,
  urg: 32,
  ecn: 64,
  cwr: 128,
}

export const TCP = just(PROTOCOLS.tcp ?? 0)
const FLAG_BYTES: Interval = [0n, 255n]

/** One number, or a range. */
export function just(from: number, to: number = from): Intervals {
  return [[BigInt(from), BigInt(to)]]
}

/** A number, or its name in a list; undefined for anything else. */
export function numberOf(
  text: string,
  names: Readonly<Record<string, number>>,
): number | undefined {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  return Object.hasOwn(names, text.toLowerCase()) ? names[text.toLowerCase()] : undefined
}

export function icmpType(text: string, family: 4 | 6): number | undefined {
  return numberOf(text, family === 4 ? ICMP_TYPES : ICMPV6_TYPES)
}

export function icmpTypeName(type: number, family: 4 | 6): string {
  const names = Object.entries(family === 4 ? ICMP_TYPES : ICMPV6_TYPES)
  return names.find(([, value]) => value === type)?.[0] ?? `type ${type}`
}

export function protocolName(protocol: number): string {
  return (
    Object.entries(PROTOCOLS).find(([, value]) => value === protocol)?.[0] ?? `protocol ${protocol}`
  )
}

/** The place of a state in the list; undefined for another word. */
export function stateNumber(text: string): number | undefined {
  const found = (STATES as readonly string[]).indexOf(text.toLowerCase())
  return found < 0 ? undefined : found
}

/** The bits of flags by name; undefined when one is not a flag. */
export function flagBits(names: readonly string[]): number | undefined {
  let bits = 0
  for (const name of names) {
    const bit = { ...FLAGS, all: 63, none: 0 }[name.toLowerCase()]
    if (bit === undefined) return undefined
    bits |= bit
  }
  return bits
}

/** The bytes of flags that equal this one under a mask, or do not. */
export function flagsUnder(mask: number, wanted: number, equal = true): Intervals {
  return numbers(FLAG_BYTES, (flags) => ((flags & mask) === wanted) === equal)
}

/** The bytes of flags with at least one of these bits. */
export function flagsWithAny(bits: number): Intervals {
  return numbers(FLAG_BYTES, (flags) => (flags & bits) !== 0)
}

/** SYN set, FIN, RST and ACK not: what begins a connection. */
export const SYN_ALONE = flagsUnder(1 | 2 | 4 | 16, 2)
export const NOT_SYN_ALONE = flagsUnder(1 | 2 | 4 | 16, 2, false)

/** The addresses of an address, a network or a range; undefined when the text is none. */
export function addressesOf(text: string): Intervals | undefined {
  const [from, to, more] = text.split('-')
  if (more !== undefined) return undefined
  if (from !== undefined && to !== undefined) {
    const [low, high] = [parseIp(from), parseIp(to)]
    if (low === undefined || high?.length !== low.length) return undefined
    return intervals([[placeOf(low), placeOf(high)]])
  }
  const network = parseNetwork(withPrefix(text))
  if (network === undefined) return undefined
  const host = BigInt(network.address.length * 8 - network.bits)
  const first = ((placeOf(network.address) - base(network.address)) >> host) << host
  const start = base(network.address) + first
  return [[start, start + (1n << host) - 1n]]
}

/** `10.0.0.0/255.255.255.0` as `10.0.0.0/24`. */
function withPrefix(text: string): string {
  const [address, mask] = text.split('/')
  const bytes = mask === undefined ? undefined : parseIp(mask)
  if (bytes === undefined) return text
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return /^1*0*$/.test(bits) ? `${address}/${bits.replaceAll('0', '').length}` : ''
}

function placeOf(address: Uint8Array): bigint {
  return base(address) + address.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

/** Where the addresses of a family begin. */
function base(address: Uint8Array): bigint {
  return (address.length === 4 ? IPV4 : IPV6)[0]?.[0] ?? 0n
}

/** All packets of one family. */
export function familyPackets(family: 4 | 6): Packets {
  const space = family === 4 ? IPV4 : IPV6
  return { source: space, destination: space }
}
