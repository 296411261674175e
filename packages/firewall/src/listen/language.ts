/**
 * What `doublehop listen` says, and how a check knows that it is not the daemon which answers: over TCP it greets with
 * one line as soon as a connection is there, over UDP it answers each nonce. Both tell the source that was seen, so
 * that whoever asked learns of address translation on the way.
 */

const GREETING = /^doublehop listen 1 from (\S{1,64}) (\d{1,5})\r\n/
const NONCE_LINE = /^doublehop nonce ([0-9a-f]{32})\r\n$/
const ANSWER = /^doublehop listen 1 nonce ([0-9a-f]{32}) from (\S{1,64}) (\d{1,5})\r\n$/

/** Every datagram is this long: an answer is never longer than what asked for it, whoever forged its source. */
export const DATAGRAM_BYTES = 160
/** No greeting is longer. */
export const GREETING_BYTES = 96

/** Where a connection or datagram came from, as the far end saw it. */
export interface SeenSource {
  readonly address: string
  readonly port: number
}

/** The line a listener sends first over TCP. */
export function greeting({ address, port }: SeenSource): string {
  return `doublehop listen 1 from ${address} ${port}\r\n`
}

/** Reads that line at the beginning of what came; undefined when something else answers. */
export function readGreeting(text: string): SeenSource | undefined {
  return source(GREETING.exec(text)?.slice(1))
}

/** Whether this may still become a greeting. */
export function mayBeGreeting(text: string): boolean {
  const start = 'doublehop listen 1 from '
  return text.startsWith(start.slice(0, text.length)) || text.startsWith(start)
}

/** What a check sends: over TCP after the greeting, over UDP padded to its full length. @param nonce 32 hex digits */
export function nonceLine(nonce: string): string {
  return `doublehop nonce ${nonce}\r\n`
}

/** The nonce of such a line; of a datagram once its padding is off. */
export function readNonce(line: string): string | undefined {
  return NONCE_LINE.exec(line.replace(/\0+$/, ''))?.[1]
}

/** The answer to a datagram that brought a nonce. */
export function answer(nonce: string, { address, port }: SeenSource): string {
  return `doublehop listen 1 nonce ${nonce} from ${address} ${port}\r\n`
}

/** Reads it; undefined when it is none, or none to this nonce. */
export function readAnswer(text: string, nonce: string): SeenSource | undefined {
  const [, told, ...rest] = ANSWER.exec(text) ?? []
  return told === nonce ? source(rest) : undefined
}

/** A datagram of full length. */
export function datagram(line: string): Uint8Array {
  const bytes = new Uint8Array(DATAGRAM_BYTES)
  bytes.set(new TextEncoder().encode(line))
  return bytes
}

function source(parts: readonly (string | undefined)[] | undefined): SeenSource | undefined {
  const [address, port] = parts ?? []
  return address === undefined ? undefined : { address, port: Number(port) }
}
