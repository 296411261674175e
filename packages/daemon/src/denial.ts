import type { Leg } from './leg.ts'

/** How long a denial takes at least, counted from the request. */
const DENIAL_MILLISECONDS = 250

/**
 * Waits before a denial (reply 02) leaves, so that the time it takes tells neither a used ticket from an unknown one
 * nor which check a destination met: 250 ms from the request, or longer. Ends early when the peer is gone.
 *
 * @param asked when the request came (performance.now())
 * @param delay how long it is held for those that failed before it, milliseconds
 */
export function holdDenial(leg: Leg, asked: number, delay: number): Promise<void> {
  return reached(leg, asked + Math.max(DENIAL_MILLISECONDS, delay))
}

/** Resolves at this moment (performance.now()), never before, or when the peer is gone. */
export async function reached(leg: Leg, moment: number): Promise<void> {
  const left = moment - performance.now()
  if (left <= 0 || leg.gone.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  // A timer counts from the start of the event loop's turn, so it may end before its time.
  const timer = setTimeout(resolve, Math.ceil(left))
  leg.gone.addEventListener('abort', () => resolve())
  await promise
  clearTimeout(timer)
  await reached(leg, moment)
}
