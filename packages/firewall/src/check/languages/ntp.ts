import { randomBytes } from 'node:crypto'
import type { Question } from './question.ts'

const PACKET = 48
/** Leap indicator 0, version 4, mode 3, client (RFC 5905, 7.3). */
const CLIENT = 0x23
const MODE = 7
const SERVER = 4
const ORIGIN = 24
const TRANSMIT = 40

/**
 * Asks a clock for the time. The transmit timestamp is random: an answer gives it back as its origin (RFC 5905, 8), so it
 * is one to this question, and nobody learns our time.
 */
export function timeQuery(): Question {
  const transmit = randomBytes(8)
  const datagram = new Uint8Array(PACKET)
  datagram[0] = CLIENT
  datagram.set(transmit, TRANSMIT)
  return {
    datagram,
    read(answer) {
      const isServer = answer.length >= PACKET && ((answer[0] ?? 0) & MODE) === SERVER
      const origin = answer.subarray(ORIGIN, ORIGIN + 8)
      if (!isServer || !transmit.every((byte, at) => origin[at] === byte)) return { fits: false }
      return { fits: true, note: `stratum ${answer[1]}` }
    },
  }
}
