import { fault } from '@doublehop/errors/fault'
import { type Conversation, concat, take } from './conversation.ts'
import type { Endpoint } from './endpoint.ts'
import { formatIp, parseIp } from './ip.ts'

/** The PROXY protocol, version 2, binary (haproxy.org, proxy-protocol.txt, 2.2): who stands before the one that connects. */

const SIGNATURE = Uint8Array.of(
  0x0d,
  0x0a,
  0x0d,
  0x0a,
  0x00,
  0x0d,
  0x0a,
  0x51,
  0x55,
  0x49,
  0x54,
  0x0a,
)
const COMMAND_LOCAL = 0x20
const COMMAND_PROXY = 0x21
const FAMILY = { ipv4: 0x11, ipv6: 0x21 } as const
/** Room for two IPv6 addresses and some type-length-values; the protocol allows 65,535. */
const LONGEST_BODY = 536

/** The header for a TCP connection that `source` opened to `destination`, both IP addresses of one family. */
export function encodeProxyHeader(source: Endpoint, destination: Endpoint): Uint8Array {
  const from = parseIp(source.host)
  const to = parseIp(destination.host)
  if (from === undefined || to === undefined || from.length !== to.length) {
    throw new RangeError('PROXY v2 wants two IP addresses of one family')
  }
  const ports = Uint8Array.of(
    source.port >> 8,
    source.port & 255,
    destination.port >> 8,
    destination.port & 255,
  )
  const family = from.length === 4 ? FAMILY.ipv4 : FAMILY.ipv6
  return concat(
    SIGNATURE,
    Uint8Array.of(COMMAND_PROXY, family, 0, 2 * from.length + 4),
    from,
    to,
    ports,
  )
}

/**
 * Reads one header.
 *
 * @returns who opened the connection, or undefined when the sender speaks for itself (LOCAL, or another family)
 * @throws Fault DH_PROXY_HEADER
 */
export function* acceptProxyHeader(): Conversation<Endpoint | undefined> {
  const signature = yield* take(SIGNATURE.length)
  if (!SIGNATURE.every((byte, at) => signature[at] === byte)) {
    throw fault('DH_PROXY_HEADER', { why: 'the signature is missing' })
  }
  const [command, family = 0, high = 0, low = 0] = yield* take(4)
  const length = (high << 8) | low
  if (length > LONGEST_BODY) throw fault('DH_PROXY_HEADER', { why: `${length} bytes are too many` })
  const body = yield* take(length)
  if (command === COMMAND_LOCAL) return
  if (command !== COMMAND_PROXY)
    throw fault('DH_PROXY_HEADER', { why: `version and command ${command}` })
  if (family === FAMILY.ipv4) return sourceOf(body, 4)
  if (family === FAMILY.ipv6) return sourceOf(body, 16)
  if (!isKnownFamily(family)) throw fault('DH_PROXY_HEADER', { why: `address family ${family}` })
  return
}

/** Unspecified, IPv4, IPv6 or UNIX; unspecified, stream or datagram. Version 2 has no others, and forbids them. */
function isKnownFamily(byte: number): boolean {
  return byte >> 4 <= 3 && (byte & 15) <= 2
}

function sourceOf(body: Uint8Array, size: number): Endpoint {
  if (body.length < 2 * size + 4)
    throw fault('DH_PROXY_HEADER', { why: 'the addresses are cut off' })
  const [high = 0, low = 0] = body.subarray(2 * size)
  return { host: formatIp(body.subarray(0, size)), port: (high << 8) | low }
}
