import { fault } from '@doublehop/errors/fault'
import { type Conversation, Dialogue } from '@doublehop/wire/conversation'
import type { Leg } from './leg.ts'

/** What bounds a conversation over a socket. */
export interface ConversationLimits {
  /** what is talked about, for errors: `the SOCKS request` */
  readonly what: string
  /** from `since` to its end: a deadline, not an idle timer */
  readonly milliseconds: number
  /** when it began (performance.now()); now if left out */
  readonly since?: number
  /** the most the peer may say; more is no handshake */
  readonly bytes?: number
  /** gives up when aborted, and throws its reason */
  readonly signal?: AbortSignal
}

/**
 * Holds a conversation over a leg: feeds it what arrives, sends what it says, each piece in one write. What arrives
 * behind it stays unread on the leg.
 *
 * @throws Fault of the conversation, or DH_PEER_CLOSED, DH_PEER_RESET, DH_HANDSHAKE_DEADLINE, DH_HANDSHAKE_LENGTH
 */
export function converse<Result>(
  leg: Leg,
  conversation: Conversation<Result>,
  { what, milliseconds, since = performance.now(), bytes = 4096, signal }: ConversationLimits,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    let heard = 0
    const dialogue = new Dialogue(conversation, (said) => leg.write(said))

    const stop = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      leg.silence(dialogue.unread)
    }
    const fail = (error: unknown): void => {
      stop()
      reject(error)
    }
    const onAbort = (): void => fail(signal?.reason)
    const timer = setTimeout(
      () => fail(fault('DH_HANDSHAKE_DEADLINE', { what, seconds: milliseconds / 1000 })),
      Math.max(0, Math.ceil(since + milliseconds - performance.now())),
    )
    const isOver = (): boolean => {
      if (dialogue.outcome === undefined) return false
      stop()
      resolve(dialogue.outcome.result)
      return true
    }
    if (signal?.aborted) return onAbort()
    signal?.addEventListener('abort', onAbort)
    if (isOver()) return

    leg.listen({
      bytes(chunk) {
        heard += chunk.length
        try {
          dialogue.feed(chunk)
        } catch (error) {
          return fail(error)
        }
        if (!isOver() && heard > bytes) fail(fault('DH_HANDSHAKE_LENGTH', { what, limit: bytes }))
      },
      end: () => fail(fault('DH_PEER_CLOSED', { what })),
      drain() {},
      close: (error) =>
        fail(
          error === undefined
            ? fault('DH_PEER_CLOSED', { what })
            : fault('DH_PEER_RESET', { what }, error),
        ),
    })
  })
}
