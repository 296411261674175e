import type { Conversation } from '@doublehop/wire/conversation'
import { take } from '@doublehop/wire/conversation'
import { ICA_GREETING } from '@doublehop/wire/ica-greeting'
import type { Answer } from './language.ts'

/** A server on 1494 speaks first; it is not answered, so no session begins. */
export function* ica(): Conversation<Answer> {
  const greeting = yield* take(ICA_GREETING.length)
  const fits = ICA_GREETING.every((byte, at) => greeting[at] === byte)
  return fits ? { fits, note: 'it greets' } : { fits }
}
