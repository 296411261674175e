/** Whether the long forms run: `npm run test:nightly`. */
export const NIGHTLY = process.env.DOUBLEHOP_NIGHTLY === '1'

/** How much a test does: little on every change, much in the night. */
export function atScale<T>(always: T, nightly: T): T {
  return NIGHTLY ? nightly : always
}
