import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { End } from './ends.ts'

/** How somebody comes to a listener. */
export interface Coming {
  /** the address it comes from */
  readonly from?: string
  /** said before TLS: a PROXY header */
  readonly header?: Uint8Array
  /** left out, it speaks no TLS */
  readonly tls?: ConnectionOptions
  /** waits so long before it begins TLS, milliseconds */
  readonly tlsAfter?: number
}

/** Comes to a listener: resolves when it is connected, TLS and all, or has been turned away. It ends with the test. */
export async function come(
  test: Test,
  at: Endpoint = { host: '127.0.0.1', port: 0 },
  { from, header, tls, tlsAfter = 0 }: Coming = {},
): Promise<End> {
  const raw = connectTcp({
    ...at,
    allowHalfOpen: true,
    noDelay: true,
    ...(from !== undefined && { localAddress: from }),
  })
  raw.on('error', () => {})
  if (header) raw.write(header)
  if (tlsAfter > 0) await new Promise((resolve) => setTimeout(resolve, tlsAfter))
  const end = new End(raw, tls && connectTls(over(raw, tls)))
  test.teardown(() => end.destroy())
  const { promise, resolve } = Promise.withResolvers<void>()
  end.socket.once(tls ? 'secureConnect' : 'connect', resolve).once('close', resolve)
  if (raw.destroyed) resolve()
  await promise
  return end
}

function over(socket: Socket, tls: ConnectionOptions): ConnectionOptions & { allowHalfOpen: true } {
  return { servername: 'localhost', ...tls, socket, allowHalfOpen: true }
}

/** Waits until the other side has ended the connection, in whatever way, and tells what it said before. */
export async function told(end: End): Promise<string> {
  await end.until(() => end.ended || end.closed)
  end.destroy()
  return tale(end.heard)
}

/** Waits for the head of an answer of HTTP, or an end. */
export async function answered(end: End): Promise<string> {
  await end.until(() => end.heard.includes('\r\n\r\n') || end.ended || end.closed)
  return tale(end.heard)
}

/** What these bytes say: `nothing`, `reply 04`, `HTTP 408`, or hex. */
export function tale(heard: Buffer): string {
  const socks = /^05(?:00|02)(?:0100)?05(..)0001(?:00){6}$/.exec(heard.toString('hex'))
  if (socks) return `reply ${socks[1]}`
  const http = /^HTTP\/1\.1 (\d{3}) /.exec(heard.toString('latin1'))
  if (http) return `HTTP ${http[1]}`
  return heard.length === 0 ? 'nothing' : heard.toString('hex')
}

/** Says the next of these bytes now and then, and the last one for ever, until the connection is gone. */
export function drip(end: End, bytes: Uint8Array, every = 50): void {
  let next = 0
  const timer = setInterval(() => {
    if (end.ended || end.closed) return clearInterval(timer)
    const at = Math.min(next++, bytes.length - 1)
    end.say(bytes.subarray(at, at + 1))
  }, every)
  timer.unref()
}

/** The beginning of a ClientHello of 512 bytes (RFC 8446, 4.1.2), and as many bytes of it as one likes. */
export const ENDLESS_HELLO = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0)

/** Whether all that was said leaves this end before nothing has left it for so long. */
export async function leaves({ socket }: End, stillMilliseconds: number): Promise<boolean> {
  let left = -1
  while (socket.writableLength > 0 && socket.writableLength !== left) {
    left = socket.writableLength
    await new Promise((resolve) => setTimeout(resolve, stillMilliseconds))
  }
  return socket.writableLength === 0
}
