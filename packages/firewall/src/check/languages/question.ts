import type { SeenSource } from '../../listen/language.ts'
import type { Answer } from './language.ts'

/** What is asked in one datagram, and how an answer to exactly that is known. */
export interface Question {
  readonly datagram: Uint8Array
  /** 32 hex digits of a datagram that `doublehop listen` notes */
  readonly nonce?: string
  readonly read: (datagram: Uint8Array) => Answer & {
    /** `doublehop listen` answered, and saw this source */
    readonly standIn?: SeenSource
  }
}
