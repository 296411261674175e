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
  const carried = { up: 0, down: 0 }
  const onInput = (chunk: Uint8Array): void => {
    carried.up += chunk.length
    if (!leg.write(chunk)) input.pause()
  }
  const onEnd = (): void => leg.end()
  const leaveInput = (): void => void input.off('data', onInput).off('end', onEnd).pause()
  input.on('data', onInput).once('end', onEnd)
  output.on('error', () => leg.reset())
  leg.listen({
    bytes(chunk) {
      carried.down += chunk.length
      if (output.write(chunk)) return
      leg.pause()
      output.once('drain', () => leg.resume())
    },
    // The server is done; whoever still types into the input has nobody to read it.
    end() {
      leaveInput()
      leg.end()
    },
    drain: () => input.resume(),
    close(error) {
      leaveInput()
      if (error) reject(fault('DH_PEER_RESET', { what: 'the session' }, error))
      else resolve(carried)
    },
  })
  return promise
}
