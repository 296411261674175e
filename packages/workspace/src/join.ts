import type { Readable, Writable } from 'node:stream'
import type { Leg } from '@doublehop/daemon/leg'
import { fault } from '@doublehop/errors/fault'

/** What a session carried. */
export interface Joined {
  readonly up: number
  readonly down: number
}

/**
 * Joins a session to a pair of streams, such as standard input and output: backpressure both ways, the end of the input
 * is passed on, and what the server still says after it is written out.
 *
 * @throws Fault DH_PEER_RESET when the session breaks
 */
export function join(leg: Leg, input: Readable, output: Writable): Promise<Joined> {
  const { promise, resolve, reject } = Promise.withResolvers<Joined>()
  const before = { up: leg.sent, down: leg.received }
  const onInput = (chunk: Uint8Array): void => {
    if (!leg.write(chunk)) input.pause()
  }
  const onEnd = (): void => leg.end()
  input.on('data', onInput).once('end', onEnd)
  output.once('error', () => leg.reset())
  leg.listen({
    bytes(chunk) {
      if (output.write(chunk)) return
      leg.pause()
      output.once('drain', () => leg.resume())
    },
    // The server is done; whoever still types into the input has nobody to read it.
    end: () => leg.end(),
    drain: () => input.resume(),
    close(error) {
      input.off('data', onInput).off('end', onEnd).pause()
      if (error) reject(fault('DH_PEER_RESET', { what: 'the session' }, error))
      else resolve({ up: leg.sent - before.up, down: leg.received - before.down })
    },
  })
  return promise
}
