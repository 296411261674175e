import { formatIp } from '@doublehop/wire/ip'
import { icmpTypeName, protocolName } from './fields.ts'
import { type Interval, type Intervals, isWithin } from './intervals.ts'
import type { LoadedRule } from './loaded.ts'
import { IPV4, IPV6, type Packets, STATES } from './packets.ts'

/** How many values of a field are told. */
const SHOWN = 4

/** `accept tcp 10.2.0.2 → 10.3.0.2:1080 new`. */
export function describeRule({ verdict, packets }: LoadedRule): string {
  return `${verdict} ${describe(packets)}`
}

/** `tcp 10.2.0.2 → 10.3.0.2:1080 new`; `everything` where nothing is asked. */
export function describe(packets: Packets): string {
  const { protocol, source, destination, sourcePort, port, state, type, flags, hopLimit } = packets
  const toPort = port === undefined ? '' : `:${listed(port, number)}`
  const fromPort = sourcePort === undefined ? '' : `:${listed(sourcePort, number)}`
  const way = isAnywhere(source) && isAnywhere(destination) && toPort === '' && fromPort === ''
  const parts = [
    protocol && listed(protocol, (one) => protocolName(Number(one))),
    way ? familyText(source) : `${place(source, fromPort)} → ${place(destination, toPort)}`,
    type && listed(type, (one) => icmpTypeName(Number(one), isIn(source, IPV6) ? 6 : 4)),
    flags && 'with some TCP flags',
    hopLimit && `hop limit ${listed(hopLimit, number)}`,
    state && listed(state, (one) => STATES[Number(one)] ?? ''),
  ]
  return parts.filter((part) => part !== undefined && part !== '').join(' ') || 'everything'
}

function place(addresses: Intervals | undefined, port: string): string {
  if (isAnywhere(addresses)) return `any${port}`
  const text = addressText(addresses ?? [])
  return port !== '' && text.includes(':') ? `[${text}]${port}` : `${text}${port}`
}

function isAnywhere(addresses: Intervals | undefined): boolean {
  return addresses === undefined || isWithin(IPV4, addresses) || isWithin(IPV6, addresses)
}

function isIn(addresses: Intervals | undefined, family: Intervals): boolean {
  return addresses !== undefined && isWithin(addresses, family)
}

function familyText(addresses: Intervals | undefined): string {
  if (isIn(addresses, IPV4)) return 'IPv4'
  return isIn(addresses, IPV6) ? 'IPv6' : ''
}

function addressText(addresses: Intervals): string {
  return few(addresses.map(addressRange))
}

/** One address, a network, or a range. */
function addressRange([from, to]: Interval): string {
  if (from === to) return addressAt(from)
  const count = to - from + 1n
  const bits = count.toString(2).length - 1
  const isNetwork = count === 1n << BigInt(bits) && offset(from) % count === 0n
  return isNetwork
    ? `${addressAt(from)}/${(isIpv4(from) ? 32 : 128) - bits}`
    : `${addressAt(from)}-${addressAt(to)}`
}

function isIpv4(at: bigint): boolean {
  return at <= (IPV4[0]?.[1] ?? 0n)
}

function offset(at: bigint): bigint {
  return isIpv4(at) ? at : at - (IPV6[0]?.[0] ?? 0n)
}

function addressAt(at: bigint): string {
  const bytes = isIpv4(at) ? 4 : 16
  const hex = offset(at)
    .toString(16)
    .padStart(bytes * 2, '0')
  return formatIp(Uint8Array.from(Buffer.from(hex, 'hex')))
}

function listed(values: Intervals, text: (one: bigint) => string): string {
  return few(
    values.flatMap(([from, to]) =>
      to - from < 5n
        ? Array.from({ length: Number(to - from) + 1 }, (_, at) => text(from + BigInt(at)))
        : [`${text(from)}-${text(to)}`],
    ),
  )
}

function few(all: readonly string[]): string {
  return all.length <= SHOWN ? all.join(',') : `${all.slice(0, SHOWN).join(',')} and more`
}

function number(one: bigint): string {
  return one.toString()
}
