/** The bytes of a stranger, short and fit to be read: `"HTTP/1.1 400 Bad Request"`, or hex where they are no text. */
export function shown(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'nothing'
  if (bytes[0] === TLS_ALERT && bytes[1] === 3) return 'a TLS alert, so TLS is spoken there'
  if (bytes[0] === TLS_HANDSHAKE && bytes[1] === 3) return 'a TLS handshake'
  const [line = ''] = new TextDecoder('latin1').decode(bytes.subarray(0, MOST)).split(/[\r\n]/, 1)
  const readable = line.length > 0 && (line.match(/[\x20-\x7e]/g)?.length ?? 0) >= line.length * 0.8
  if (readable) return `"${printable(line)}"`
  return `${bytes
    .subarray(0, 16)
    .toHex()
    .replace(/..(?=.)/g, '$& ')}${bytes.length > 16 ? ' …' : ''}`
}

/** A stranger's text without what moves a cursor or begins a line, and never much of it. */
export function printable(text: string, most = MOST): string {
  const plain = text.slice(0, most).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '·')
  return text.length > most ? `${plain}…` : plain
}

const MOST = 80
const TLS_ALERT = 21
const TLS_HANDSHAKE = 22
