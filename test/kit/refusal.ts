import type { Leg } from '@doublehop/daemon/leg'

/** How a connection ended. */
export interface Ending {
  /** all that was said on it */
  readonly heard: Buffer
  /** from what was written last to the end, milliseconds */
  readonly milliseconds: number
}

/** Says this, and waits until the other side has ended the connection, in whatever way. */
export async function ending(leg: Leg, say: Uint8Array): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const heard: Uint8Array[] = []
  const since = performance.now()
  leg.listen({
    bytes: (chunk) => void heard.push(chunk),
    end: () => {
      resolve()
      leg.end()
    },
    drain() {},
    close: () => resolve(),
  })
  leg.write(say)
  await promise
  return { heard: Buffer.concat(heard), milliseconds: performance.now() - since }
}
