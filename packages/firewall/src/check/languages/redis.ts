import { type Conversation, say, takeByte } from '@doublehop/wire/conversation'
import { bytesOf } from '@doublehop/wire/text'
import type { Answer } from './language.ts'

/** Answers of Redis to PING: it is well, wants a login first, lets its user not ask, or can or will take nobody now. */
const ANSWERS = [
  ...['+PONG', '-NOAUTH', '-NOPERM'],
  ...['-LOADING', '-MASTERDOWN', '-DENIED', '-ERR max number of clients'],
]

/** PING is answered before any login, if only to ask for it. */
export function* redis(): Conversation<Answer> {
  yield* say(bytesOf('PING\r\n'))
  let said = ''
  while (ANSWERS.some((answer) => answer.startsWith(said))) {
    if (ANSWERS.includes(said)) return { fits: true, note: said }
    said += String.fromCharCode(yield* takeByte())
  }
  return { fits: false }
}
