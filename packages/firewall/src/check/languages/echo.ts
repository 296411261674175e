import { type Conversation, say, takeByte } from '@doublehop/wire/conversation'
import { bytesOf } from '@doublehop/wire/text'
import { nonceLine } from '../../listen/language.ts'
import type { About, Answer } from './language.ts'

/** Sends what nobody can know, and wants it back. It is the line that a listener in its place understands. */
export function* echo({ nonce }: About): Conversation<Answer> {
  const line = bytesOf(nonceLine(nonce))
  yield* say(line)
  for (const byte of line) if ((yield* takeByte()) !== byte) return { fits: false }
  return { fits: true, note: 'the nonce came back' }
}
