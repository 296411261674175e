import { concat } from '@doublehop/wire/conversation'
import { parseIp } from '@doublehop/wire/ip'

/** Packets as tests need them, with everything that nobody reads left at zero. */

export function ipv4(
  protocol: number,
  from: string,
  to: string,
  payload: Uint8Array,
  { ttl = 64, options = 0, fragment = 0 } = {},
): Uint8Array {
  const header = new Uint8Array(20 + options)
  header[0] = 0x40 | (header.length / 4)
  header[6] = fragment >> 8
  header[7] = fragment & 255
  header[8] = ttl
  header[9] = protocol
  header.set(bytesOf(from), 12)
  header.set(bytesOf(to), 16)
  return concat(header, payload)
}

export function ipv6(
  next: number,
  from: string,
  to: string,
  payload: Uint8Array,
  hops = 64,
): Uint8Array {
  const header = new Uint8Array(40)
  header[0] = 0x60
  header[6] = next
  header[7] = hops
  header.set(bytesOf(from), 8)
  header.set(bytesOf(to), 24)
  return concat(header, payload)
}

/** The first eight bytes of TCP or UDP, or more of TCP with these flags. */
export function ports(from: number, to: number, flags?: number): Uint8Array {
  const start = Uint8Array.of(from >> 8, from & 255, to >> 8, to & 255, 0, 0, 0, 0)
  if (flags === undefined) return start
  return concat(start, Uint8Array.of(0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0))
}

export function icmp(type: number, code: number, quoted: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(type, code, 0, 0, 0, 0, 0, 0), quoted)
}

/** The beginning of a capture file. */
export function pcapHeader(linkType: number, littleEndian = true, magic = 0xa1b2c3d4): Uint8Array {
  const view = new DataView(new ArrayBuffer(24))
  view.setUint32(0, magic, littleEndian)
  view.setUint16(4, 2, littleEndian)
  view.setUint16(6, 4, littleEndian)
  view.setUint32(16, 262_144, littleEndian)
  view.setUint32(20, linkType, littleEndian)
  return new Uint8Array(view.buffer)
}

export function pcapRecord(frame: Uint8Array, littleEndian = true, length = frame.length) {
  const view = new DataView(new ArrayBuffer(16))
  view.setUint32(8, length, littleEndian)
  view.setUint32(12, length, littleEndian)
  return concat(new Uint8Array(view.buffer), frame)
}

/** A frame of each link that is known, around an IP packet. */
export const FRAMES = {
  Ethernet: [1, (type: number) => Uint8Array.of(...new Uint8Array(12), type >> 8, type & 255)],
  'Ethernet in a VLAN': [
    1,
    (type: number) => Uint8Array.of(...new Uint8Array(12), 0x81, 0, 0, 7, type >> 8, type & 255),
  ],
  'Linux cooked': [
    113,
    (type: number) => Uint8Array.of(...new Uint8Array(14), type >> 8, type & 255),
  ],
  'Linux cooked, version 2': [
    276,
    (type: number) => Uint8Array.of(type >> 8, type & 255, ...new Uint8Array(18)),
  ],
} as const

function bytesOf(address: string): Uint8Array {
  const bytes = parseIp(address)
  if (bytes === undefined) throw new SyntaxError(address)
  return bytes
}
