import { setTimeout as delay } from 'node:timers/promises'

/** Waits until something is so, and fails with what it saw last when it does not come to be. */
export async function until<T>(
  look: () => T | Promise<T>,
  isSo: (seen: T) => boolean,
  milliseconds = 5000,
): Promise<T> {
  const end = performance.now() + milliseconds
  for (;;) {
    const seen = await look()
    if (isSo(seen)) return seen
    if (performance.now() > end)
      throw new Error(
        `still not so after ${milliseconds} ms: ${JSON.stringify(seen)?.slice(0, 500)}`,
      )
    await delay(10)
  }
}
