import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether two secrets are the same. Compared as digests, so that neither length nor content shows in the time it takes. */
export function sameSecret(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
