/** Text on the wire: the few encodings our protocols use, strict where a stranger writes. */

const encoder = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 bytes of this text. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of these UTF-8 bytes, or undefined when they are none. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** The text of printable ASCII bytes (20 to 7E), or undefined when any is another. */
export function printableAscii(bytes: Uint8Array): string | undefined {
  return bytes.every((byte) => byte >= 0x20 && byte <= 0x7e)
    ? String.fromCharCode(...bytes)
    : undefined
}
