import { type Conversation, say, takeByte } from '@doublehop/wire/conversation'
import { bytesOf } from '@doublehop/wire/text'
import type { Answer } from './language.ts'

/** Answers of Redis to PING: it is well, it wants a login first, or its user may not ask. */
const ANSWERS = ['+PONG', '-NOAUTH', '-NOPERM']

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
