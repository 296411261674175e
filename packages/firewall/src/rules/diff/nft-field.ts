import {
  addressesOf,
  familyPackets,
  flagBits,
  flagsWithAny,
  icmpType,
  just,
  numberOf,
  PROTOCOLS,
  stateNumber,
  TCP,
} from './fields.ts'
import { type Interval, type Intervals, intervals } from './intervals.ts'
import { type Field, IPV4, IPV6, type Packets } from './packets.ts'
import { isRecord } from './record.ts'

/** Named sets and maps of one table, by name: their elements. */
export type Sets = ReadonlyMap<string, readonly unknown[]>

/** A field of a packet as nft names it. */
export interface Known {
  readonly field: Field
  /** what a packet must be to have that field */
  readonly implies: Packets
  /** a value of it; undefined for what is none */
  readonly read: (text: string) => Intervals | undefined
}

/** @returns undefined for one that is not known here */
export function fieldOf(kind: string, inner: Readonly<Record<string, unknown>>): Known | undefined {
  const names = [inner.protocol ?? '', inner.field ?? inner.key]
  return names.every((name) => typeof name === 'string')
    ? KNOWN.get(`${kind} ${names.join(' ')}`)
    : undefined
}

const tcp: Packets = { protocol: TCP }
const udp: Packets = { protocol: just(PROTOCOLS.udp ?? 0) }
const icmp4 = { ...familyPackets(4), protocol: just(1) }
const icmp6 = { ...familyPackets(6), protocol: just(58) }
const withPorts = {
  protocol: intervals([6, 17, 33, 132, 136].map((one): Interval => [BigInt(one), BigInt(one)])),
}

const number = (names: Readonly<Record<string, number>>) => (text: string) => {
  const found = numberOf(text, names)
  return found === undefined ? undefined : just(found)
}
const type = (family: 4 | 6) => (text: string) => {
  const found = icmpType(text, family)
  return found === undefined ? undefined : just(found)
}
const state = (text: string) => {
  const found = stateNumber(text)
  return found === undefined ? undefined : just(found)
}
const anyFlag = (text: string) => {
  const bits = flagBits([text])
  return bits === undefined ? undefined : flagsWithAny(bits)
}
const protocolField: Known = { field: 'protocol', implies: {}, read: number(PROTOCOLS) }
const ports = (implies: Packets, field: 'port' | 'sourcePort'): Known => ({
  ...{ field, implies, read: number({}) },
})

const NFPROTO = new Map([
  ['ipv4', IPV4],
  ['ipv6', IPV6],
])

const KNOWN = new Map<string, Known>(
  Object.entries({
    'payload ip saddr': { field: 'source', implies: familyPackets(4), read: addressesOf },
    'payload ip daddr': { field: 'destination', implies: familyPackets(4), read: addressesOf },
    'payload ip protocol': { ...protocolField, implies: familyPackets(4) },
    'payload ip ttl': { field: 'hopLimit', implies: familyPackets(4), read: number({}) },
    'payload ip6 saddr': { field: 'source', implies: familyPackets(6), read: addressesOf },
    'payload ip6 daddr': { field: 'destination', implies: familyPackets(6), read: addressesOf },
    'payload ip6 nexthdr': { ...protocolField, implies: familyPackets(6) },
    'payload ip6 hoplimit': { field: 'hopLimit', implies: familyPackets(6), read: number({}) },
    'payload tcp dport': ports(tcp, 'port'),
    'payload tcp sport': ports(tcp, 'sourcePort'),
    'payload udp dport': ports(udp, 'port'),
    'payload udp sport': ports(udp, 'sourcePort'),
    'payload th dport': ports(withPorts, 'port'),
    'payload th sport': ports(withPorts, 'sourcePort'),
    'payload tcp flags': { field: 'flags', implies: tcp, read: anyFlag },
    'payload icmp type': { field: 'type', implies: icmp4, read: type(4) },
    'payload icmp code': { field: 'code', implies: icmp4, read: number({}) },
    'payload icmpv6 type': { field: 'type', implies: icmp6, read: type(6) },
    'payload icmpv6 code': { field: 'code', implies: icmp6, read: number({}) },
    'meta  l4proto': protocolField,
    'meta  nfproto': {
      ...{ field: 'source', implies: {} },
      read: (text) => NFPROTO.get(text),
    },
    'ct  state': { field: 'state', implies: {}, read: state },
  }),
)

/** What stands right of a match: a value, a range, a prefix, a set of them, or a set by name. */
export function valuesIn(
  right: unknown,
  field: Known,
  sets: Sets,
  depth: number,
): Intervals | undefined {
  if (depth > 4) return undefined
  if (typeof right === 'number') return field.read(String(right))
  if (typeof right === 'string' && right.startsWith('@')) {
    const elements = sets.get(right.slice(1))
    return elements && together(elements, field, sets, depth)
  }
  if (typeof right === 'string') return field.read(right)
  if (Array.isArray(right)) return together(right, field, sets, depth)
  if (!isRecord(right)) return undefined
  if (Array.isArray(right.set)) return together(right.set, field, sets, depth)
  if (isRecord(right.elem)) return valuesIn(right.elem.val, field, sets, depth + 1)
  if (isRecord(right.prefix)) return prefixOf(right.prefix, field)
  if (Array.isArray(right.range)) return rangeOf(right.range, field)
  return undefined
}

function together(
  list: readonly unknown[],
  field: Known,
  sets: Sets,
  depth: number,
): Intervals | undefined {
  const all: Interval[] = []
  for (const one of list) {
    const values = valuesIn(one, field, sets, depth + 1)
    if (values === undefined) return undefined
    all.push(...values)
  }
  return intervals(all)
}

function prefixOf({ addr, len }: Record<string, unknown>, field: Known): Intervals | undefined {
  return typeof addr === 'string' && Number.isInteger(len)
    ? field.read(`${addr}/${String(len)}`)
    : undefined
}

function rangeOf([from, to]: readonly unknown[], { read }: Known): Intervals | undefined {
  const [low, high] = [read(String(from))?.[0], read(String(to))?.at(-1)]
  return low === undefined || high === undefined ? undefined : intervals([[low[0], high[1]]])
}
