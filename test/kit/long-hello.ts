import { concat } from '@doublehop/wire/conversation'
import { bytesOf } from '@doublehop/wire/text'

/** The most bytes of a TLS record (RFC 8446, 5.1). */
const LONGEST_RECORD = 16_384
const HEX = (digits: string): Uint8Array => Uint8Array.fromHex(digits)

/** A ClientHello of TLS 1.2 that asks for this name (RFC 5246, 7.4.1.2; RFC 6066, 3); what does not fit its length field lies. */
export function helloFor(serverName: string): Uint8Array {
  const name = bytesOf(serverName)
  const sni = concat(uint(2, name.length + 3), Uint8Array.of(0), uint(2, name.length), name)
  const extensions = concat(
    HEX('000a00060004001d0017'), // groups: X25519, P-256
    HEX('000b00020100'), // uncompressed points
    HEX('000d00080006040308040401'), // signatures: ECDSA, PSS, PKCS 1
    HEX('0000'),
    uint(2, sni.length),
    sni,
  )
  const body = concat(
    HEX('0303'),
    new Uint8Array(32).fill(0x42),
    HEX('00'), // no session
    HEX('0004c02bc02f'), // ECDHE with AES-128-GCM
    HEX('0100'), // no compression
    uint(2, extensions.length),
    extensions,
  )
  const message = concat(Uint8Array.of(1), uint(3, body.length), body)
  const records: Uint8Array[] = []
  for (let at = 0; at < message.length; at += LONGEST_RECORD) {
    const piece = message.subarray(at, at + LONGEST_RECORD)
    records.push(HEX('160301'), uint(2, piece.length), piece)
  }
  return concat(...records)
}

/** The last bytes of a number, the first one first. */
function uint(size: number, value: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (value >>> (8 * (size - 1 - at))) & 255)
}
