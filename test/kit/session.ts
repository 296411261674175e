import type { Leg } from '@doublehop/daemon/leg'

/** Writes what a session is to say, ends this half if told so, and returns all that came back once the peer has ended. */
export async function exchange(leg: Leg, say: Uint8Array, end = true): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const heard: Uint8Array[] = []
  leg.listen({
    bytes: (chunk) => void heard.push(chunk),
    end: () => leg.end(),
    drain() {},
    close: (error) => (error ? reject(error) : resolve(Buffer.concat(heard))),
  })
  leg.write(say)
  if (end) leg.end()
  return await promise
}

/** Waits for so many bytes of a leg that nobody else listens to. */
export async function read(leg: Leg, count: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  let heard: Buffer = Buffer.alloc(0)
  leg.listen({
    bytes(chunk) {
      heard = Buffer.concat([heard, chunk])
      if (heard.length < count) return
      leg.silence(heard.subarray(count))
      resolve(heard.subarray(0, count))
    },
    end: () =>
      reject(
        new Error(
          `the peer ended after ${heard.length} of ${count} bytes: ${heard.toString('latin1')}`,
        ),
      ),
    drain() {},
    close: (error) => reject(error ?? new Error(`closed after ${heard.length} of ${count} bytes`)),
  })
  return await promise
}
