import type { Leg } from './leg.ts'

/** What a splice needs of each side. */
export type Spliceable = Pick<
  Leg,
  'listen' | 'write' | 'pause' | 'resume' | 'end' | 'reset' | 'destroy' | 'isLost' | 'hasSaidAll'
>

/** How often both sides are looked after. The kernel takes two minutes to find that a silent peer is gone. */
const LOOK_EVERY_MILLISECONDS = 30_000

/** Why a session ended. */
export type CloseReason =
  | 'client-closed'
  | 'server-closed'
  | 'idle-timeout'
  | 'drain'
  | `error:${string}`

/** What a session was, once it is over. */
export interface Spliced {
  readonly reason: CloseReason
  /** bytes from client to server */
  readonly up: number
  /** bytes from server to client */
  readonly down: number
}

/** Two legs joined. */
export interface Splice {
  readonly done: Promise<Spliced>
  /** bytes so far */
  readonly carried: Readonly<Pick<Spliced, 'up' | 'down'>>
  /** Ends both at once. */
  cut(reason: CloseReason): void
}

/**
 * Step 9: bytes flow both ways until both sides have ended, or one breaks.
 *
 * - Backpressure: a leg whose other side is slow is not read from, so no more than one read and what the kernel
 *   holds is ever under way.
 * - Half-close: a FIN is passed on as a FIN after the bytes before it; the other direction flows on.
 * - Reset: a leg that breaks with an error resets the other one, so an RST travels through as an RST.
 * - The side whose FIN came first names the reason.
 * - No side outlives the other unseen: one that Node does not listen to, because it has ended its half or is held back,
 *   is looked after from time to time.
 *
 * @param idleMilliseconds a session without a byte either way for so long is ended; left out, never
 * @param lookMilliseconds how often both sides are looked after
 */
export function splice(
  client: Spliceable,
  server: Spliceable,
  idleMilliseconds?: number,
  lookMilliseconds = LOOK_EVERY_MILLISECONDS,
): Splice {
  const { promise: done, resolve } = Promise.withResolvers<Spliced>()
  const carried = { up: 0, down: 0 }
  let reason: CloseReason | undefined
  let open = 2
  let ended = 0

  const idle =
    idleMilliseconds === undefined
      ? undefined
      : setTimeout(() => cut('idle-timeout'), idleMilliseconds)

  let lookAfterClient = (): void => {}
  let lookAfterServer = (): void => {}
  const looking = setInterval(() => {
    lookAfterClient()
    lookAfterServer()
  }, lookMilliseconds)

  const cut = (why: CloseReason): void => {
    reason ??= why
    client.reset()
    server.reset()
  }

  /** Joins one direction. @returns what looks after the leg it comes from */
  const carry = (
    from: Spliceable,
    to: Spliceable,
    direction: 'up' | 'down',
    closedBy: CloseReason,
  ): (() => void) => {
    let hasEnded = false
    let isLost = false
    from.listen({
      bytes(chunk) {
        carried[direction] += chunk.length
        idle?.refresh()
        if (!to.write(chunk) && !isLost) from.pause()
      },
      end() {
        ended++
        hasEnded = true
        reason ??= closedBy
        to.end()
      },
      drain: () => to.resume(),
      close(error) {
        if (error !== undefined || ended < 2) {
          // Gone without an error before both had ended: the socket was destroyed at this end.
          reason ??= `error:${error === undefined ? 'destroyed' : (error.code ?? error.message)}`
          to.reset()
        }
        if (--open > 0) return
        clearTimeout(idle)
        clearInterval(looking)
        resolve({ reason: reason ?? closedBy, ...carried })
      },
    })
    return () => {
      isLost = from.isLost
      if (!isLost) return
      if (!hasEnded) {
        // What its kernel has left is bounded: read to its end, it says how it ended.
        from.resume()
      } else if (to.hasSaidAll) {
        // It has said all and hears nothing. An RST could overtake what is still on its way to the other side.
        from.destroy()
        to.destroy()
      }
    }
  }
  lookAfterClient = carry(client, server, 'up', 'client-closed')
  lookAfterServer = carry(server, client, 'down', 'server-closed')
  return { done, carried, cut }
}
