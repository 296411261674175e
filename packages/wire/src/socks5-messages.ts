import { type Conversation, concat, take, takeByte } from './conversation.ts'
import type { Endpoint } from './endpoint.ts'
import { formatIp, parseIp } from './ip.ts'
import { bytesOf, printableAscii } from './text.ts'

/** The numbers and the address field of RFC 1928, shared by both ends. */

export const VERSION = 5
export const METHOD = { none: 0x00, password: 0x02, unacceptable: 0xff } as const
export const COMMAND = { connect: 1, bind: 2, udpAssociate: 3 } as const
export const ADDRESS_TYPE = { ipv4: 1, name: 3, ipv6: 4 } as const

/** Reply codes (RFC 1928, 6) that this project sends. */
export const REPLY = {
  succeeded: 0,
  failed: 1,
  denied: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  refused: 5,
  command: 7,
  addressType: 8,
} as const
export type Reply = (typeof REPLY)[keyof typeof REPLY]

/** What a CONNECT names: an address, or a name that is not looked at further here (it may be a ticket). */
export interface SocksDestination extends Endpoint {
  readonly type: keyof typeof ADDRESS_TYPE
}

/** Address type, address and port (RFC 1928, 5). A host that spells an IP address is sent as one. */
export function encodeAddress({ host, port }: Endpoint): Uint8Array {
  const tail = Uint8Array.of(port >> 8, port & 255)
  const ip = parseIp(host)
  if (ip !== undefined) {
    const type = ip.length === 4 ? ADDRESS_TYPE.ipv4 : ADDRESS_TYPE.ipv6
    return concat(Uint8Array.of(type), ip, tail)
  }
  const name = bytesOf(host)
  if (name.length === 0 || name.length > 255)
    throw new RangeError('a SOCKS name has 1 to 255 bytes')
  return concat(Uint8Array.of(ADDRESS_TYPE.name, name.length), name, tail)
}

/** Reads an address field; `undefined` when the type is none of the three, a name empty or not printable. */
export function* takeAddress(
  type: number,
): Conversation<SocksDestination | 'unknown type' | 'malformed name'> {
  if (type === ADDRESS_TYPE.ipv4) {
    return { type: 'ipv4', host: formatIp(yield* take(4)), port: yield* takePort() }
  }
  if (type === ADDRESS_TYPE.ipv6) {
    return { type: 'ipv6', host: formatIp(yield* take(16)), port: yield* takePort() }
  }
  if (type === ADDRESS_TYPE.name) {
    const name = printableAscii(yield* take(yield* takeByte()))
    const port = yield* takePort()
    return name === undefined || name === '' ? 'malformed name' : { type: 'name', host: name, port }
  }
  return 'unknown type'
}

function* takePort(): Conversation<number> {
  const [high = 0, low = 0] = yield* take(2)
  return (high << 8) | low
}

/** A reply, always whole: clients read ten bytes at least. `bound` is 0.0.0.0:0 unless told. */
export function encodeReply(
  reply: Reply,
  bound: Endpoint = { host: '0.0.0.0', port: 0 },
): Uint8Array {
  return concat(Uint8Array.of(VERSION, reply, 0), encodeAddress(bound))
}
