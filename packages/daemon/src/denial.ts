import { REPLY, type Reply } from '@doublehop/wire/socks5-messages'

/** How long a denial takes at least, counted from the request. */
const DENIAL_MILLISECONDS = 250

/**
 * Waits before a denial (reply 02) leaves, so that the time it takes tells neither a used ticket from an unknown one
 * nor which check a destination met. Other replies leave at once.
 *
 * @param asked when the request came (performance.now())
 */
export async function holdDenial(reply: Reply, asked: number): Promise<void> {
  if (reply === REPLY.denied) await reached(asked, DENIAL_MILLISECONDS)
}

/** Resolves when so many milliseconds have passed since `start` (performance.now()), at once if they have; never early. */
async function reached(start: number, milliseconds: number): Promise<void> {
  const left = start + milliseconds - performance.now()
  if (left <= 0) return
  // A timer counts from the start of the event loop's turn, so it may end before its time.
  await new Promise((resolve) => setTimeout(resolve, Math.ceil(left)))
  await reached(start, milliseconds)
}
