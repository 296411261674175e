import { fault } from '@doublehop/errors/fault'
import { type Conversation, say, take } from './conversation.ts'
import { bytesOf } from './text.ts'

/** `\x7f\x7fICA\0`: a VDA says it first on 1494, and the client answers the same (docs/protocols.md, 3). */
export const ICA_GREETING = bytesOf('\x7f\x7fICA\0')

/** Waits for the peer's greeting. @throws Fault DH_ICA_GREETING when it says something else */
export function* takeIcaGreeting(): Conversation<void> {
  const greeting = yield* take(ICA_GREETING.length)
  if (!ICA_GREETING.every((byte, at) => greeting[at] === byte)) throw fault('DH_ICA_GREETING', {})
}

/** The client's side: wait for the greeting, answer it. */
export function* answerIcaGreeting(): Conversation<void> {
  yield* takeIcaGreeting()
  yield* say(ICA_GREETING)
}
