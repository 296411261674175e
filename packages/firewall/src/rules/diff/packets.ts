import {
  areDisjoint,
  type Intervals,
  isWithin,
  meet as meetIntervals,
  minus as minusIntervals,
} from './intervals.ts'

/**
 * All packets that a rule without a memory of its own speaks of: a set of values for each field, every field free of
 * the others. What a rule leaves out holds every value.
 */
export type Packets = Readonly<Partial<Record<Field, Intervals>>>

export type Field = keyof typeof SPACE

const ADDRESSES_4 = 1n << 32n
const byte: Intervals = [[0n, 255n]]
const port: Intervals = [[0n, 65535n]]

/** Addresses of both families in one space: IPv4 first, IPv6 behind it. */
export const IPV4: Intervals = [[0n, ADDRESSES_4 - 1n]]
export const IPV6: Intervals = [[ADDRESSES_4, ADDRESSES_4 + (1n << 128n) - 1n]]
const address: Intervals = [[0n, ADDRESSES_4 + (1n << 128n) - 1n]]

/** What connection tracking says of a packet, by its place in this list. */
export const STATES = ['new', 'established', 'related', 'invalid', 'untracked'] as const

/** Every value that a field has. */
const SPACE = {
  source: address,
  destination: address,
  protocol: byte,
  sourcePort: port,
  port,
  state: [[0n, BigInt(STATES.length - 1)]] as Intervals,
  /** the byte of TCP flags */
  flags: byte,
  /** ICMP of either family */
  type: byte,
  code: byte,
  hopLimit: byte,
}
const FIELDS = Object.keys(SPACE) as readonly Field[]

/** The values of a field. */
export function valuesOf(packets: Packets, field: Field): Intervals {
  return packets[field] ?? SPACE[field]
}

/** Every value of a field. */
export function spaceOf(field: Field): Intervals {
  return SPACE[field]
}

/** Packets in both; undefined where there are none. */
export function meet(some: Packets, others: Packets): Packets | undefined {
  const both: Partial<Record<Field, Intervals>> = {}
  for (const field of FIELDS) {
    if (some[field] === undefined && others[field] === undefined) continue
    const values = meetIntervals(valuesOf(some, field), valuesOf(others, field))
    if (values.length === 0) return undefined
    both[field] = values
  }
  return both
}

/** Whether there are no packets in both. */
export function areApart(some: Packets, others: Packets): boolean {
  return FIELDS.some((field) => {
    const [a, b] = [some[field], others[field]]
    return a !== undefined && b !== undefined && areDisjoint(a, b)
  })
}

/** Packets in the first and not in the second, in parts that have none in common. */
export function minus(some: Packets, others: Packets): Packets[] {
  if (areApart(some, others)) return [some]
  const parts: Packets[] = []
  let rest = some
  for (const field of FIELDS) {
    if (others[field] === undefined) continue
    const beyond = minusIntervals(valuesOf(rest, field), others[field])
    if (beyond.length > 0) parts.push({ ...rest, [field]: beyond })
    rest = { ...rest, [field]: meetIntervals(valuesOf(rest, field), others[field]) }
  }
  return parts
}

/** Whether every packet of the first is in the second. */
export function isPartOf(some: Packets, others: Packets): boolean {
  return FIELDS.every(
    (field) => others[field] === undefined || isWithin(valuesOf(some, field), others[field]),
  )
}
