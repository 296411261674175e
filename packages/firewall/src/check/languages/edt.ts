import { randomBytes } from 'node:crypto'
import { datagram, nonceLine, readAnswer } from '../../listen/language.ts'
import type { Question } from './question.ts'

/** Where nobody needs to answer but `doublehop listen`: a nonce, which it gives back with the source that it saw. */
export function nonceQuery(): Question {
  const nonce = randomBytes(16).toString('hex')
  return {
    nonce,
    datagram: datagram(nonceLine(nonce)),
    read(answer) {
      const standIn = readAnswer(new TextDecoder('latin1').decode(answer), nonce)
      if (standIn === undefined) return { fits: false }
      return { fits: true, note: `seen from ${standIn.address} ${standIn.port}`, standIn }
    },
  }
}
