import { randomBytes } from 'node:crypto'
import { type Conversation, concat, say, take } from '@doublehop/wire/conversation'
import type { Answer } from './language.ts'
import type { Question } from './question.ts'

const HEADER = 12
const IS_RESPONSE = 0x80

/** The servers of the root (RFC 1035, 4.1): whatever a name server serves, it has an answer, and be it a refusal. */
function query(id: Uint8Array): Uint8Array {
  const recursionDesired = 0x01
  const [root, nameServers, internet] = [0, 2, 1]
  const counts = [0, 1, 0, 0, 0, 0, 0, 0]
  const question = [root, 0, nameServers, 0, internet]
  return concat(id, Uint8Array.of(recursionDesired, 0, ...counts, ...question))
}

function read(message: Uint8Array, id: Uint8Array): Answer {
  const isAnswer = message.length >= HEADER && ((message[2] ?? 0) & IS_RESPONSE) !== 0
  if (!isAnswer || message[0] !== id[0] || message[1] !== id[1]) return { fits: false }
  const code = (message[3] ?? 0) & 15
  return { fits: true, note: RCODES[code] ?? `RCODE ${code}` }
}

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

/** Asks a name server in a datagram; any answer with the random id of the query is one to it. */
export function nameQuery(): Question {
  const id = randomBytes(2)
  return { datagram: query(id), read: (datagram) => read(datagram, id) }
}

/** The same over a stream, where a message has its length before it (RFC 7766, 8). */
export function* nameQueryOverTcp(): Conversation<Answer> {
  const id = randomBytes(2)
  const asked = query(id)
  yield* say(concat(Uint8Array.of(0, asked.length), asked))
  const [high = 0, low = 0] = yield* take(2)
  if (((high << 8) | low) < HEADER) return { fits: false }
  return read(yield* take(HEADER), id)
}
