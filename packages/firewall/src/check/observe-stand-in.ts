import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { take } from '@doublehop/wire/conversation'
import { GREETING_BYTES, nonceLine, type SeenSource } from '../listen/language.ts'
import { talk } from './languages/talk.ts'
import type { Trail } from './observe-trail.ts'
import type { Probe } from './plan.ts'
import { openAnother } from './tcp.ts'

/**
 * Visits `doublehop listen` on a connection on which nothing was said before, so that it gets a nonce to be joined by.
 * Undefined where it does not greet any more.
 */
export async function greetStandIn(
  probe: Probe,
  trail: Trail,
  milliseconds: number,
): Promise<SeenSource | undefined> {
  const stop = new AbortController().signal
  const socket = await openAnother(probe, milliseconds, trail, stop)
  return socket && (await hearStandIn(socket, trail, Math.min(milliseconds, trail.left)))
}

/** Waits for its greeting, and leaves a nonce. The connection is over then; undefined when no greeting comes. */
export async function hearStandIn(
  socket: Socket,
  trail: Trail,
  milliseconds: number,
): Promise<SeenSource | undefined> {
  const stop = new AbortController().signal
  const limits = { milliseconds, bytes: GREETING_BYTES, stop }
  const talked = await talk(socket, take(GREETING_BYTES), limits)
  if (talked.end !== 'stand-in') {
    socket.destroy()
    return undefined
  }
  trail.nonce(leaveNonce(socket))
  return talked.source
}

/** Tells it a nonce and goes. @returns 32 hex digits */
export function leaveNonce(socket: Socket): string {
  const nonce = randomBytes(16).toString('hex')
  const timer = setTimeout(() => socket.destroy(), GOODBYE_MILLISECONDS)
  socket.once('close', () => clearTimeout(timer)).end(nonceLine(nonce))
  // What is left unread when a socket is closed makes the kernel reset it, nonce and all.
  socket.resume()
  return nonce
}

const GOODBYE_MILLISECONDS = 500
