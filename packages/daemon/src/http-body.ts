import type { Readable } from 'node:stream'
import { type Fault, fault } from '@doublehop/errors/fault'

/**
 * The body of an HTTP message, or undefined when it is longer than `limit` bytes or breaks off. The message is left
 * open, so that it can still be answered. How long it may take is the deadline of whoever calls.
 */
export function readBody(message: Readable, limit: number): Promise<Uint8Array | undefined> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>()
  const chunks: Uint8Array[] = []
  let length = 0
  message
    .on('data', (chunk: Uint8Array) => {
      length += chunk.length
      if (length <= limit) return void chunks.push(chunk)
      message.pause()
      resolve(undefined)
    })
    .on('end', () => resolve(Buffer.concat(chunks)))
    .on('error', () => resolve(undefined))
    .on('close', () => resolve(undefined))
  return promise
}

/** Why `readBody` gave nothing, where that was its limit: the message is still there, and would go on. */
export function bodyTooLong(message: Readable, limit: number): Fault | undefined {
  if (message.destroyed) return undefined
  return fault('DH_HANDSHAKE_LENGTH', { what: 'the body of the HTTP request', limit })
}
