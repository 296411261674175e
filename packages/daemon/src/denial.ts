import { REPLY, type Reply } from '@doublehop/wire/socks5-messages'
import { reached } from './deadline.ts'

/** How long a denial takes at least, counted from the request. */
export const DENIAL_MILLISECONDS = 250

/**
 * Waits before a denial (reply 02) leaves, so that the time it takes tells neither a used ticket from an unknown one
 * nor which check a destination met. Other replies leave at once.
 *
 * @param asked when the request came (performance.now())
 */
export async function holdDenial(reply: Reply, asked: number): Promise<void> {
  if (reply === REPLY.denied) await reached(asked, DENIAL_MILLISECONDS)
}
