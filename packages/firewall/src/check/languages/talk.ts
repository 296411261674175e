import type { Duplex } from 'node:stream'
import { type Conversation, concat, Dialogue } from '@doublehop/wire/conversation'
import {
  GREETING_BYTES,
  mayBeGreeting,
  readGreeting,
  type SeenSource,
} from '../../listen/language.ts'
import { afterListening } from '../attempts-clock.ts'

/** How a talk with a stranger ended. */
export type Talked<Result> =
  | { readonly end: 'answered'; readonly result: Result; readonly heard: Uint8Array }
  /** `doublehop listen` greeted first */
  | { readonly end: 'stand-in'; readonly source: SeenSource; readonly heard: Uint8Array }
  | {
      /** it ended the connection, broke it, said more than it may, or nothing more until the time was over */
      readonly end: 'closed' | 'broken' | 'too long' | 'silent'
      readonly heard: Uint8Array
      /** of the error that broke it */
      readonly code?: string
    }

/** What bounds a talk. */
export interface TalkLimits {
  readonly milliseconds: number
  /** the most that the stranger may say */
  readonly bytes: number
  /** ends it, as silence would */
  readonly stop: AbortSignal
}

/** So much of what was heard is kept, to be shown. */
const KEPT = 128
const NOTHING = new Uint8Array(0)

/**
 * Holds a conversation over a stream that nobody reads yet, and looks whether it is `doublehop listen` that answers. The
 * stream stays the caller's, and paused. Never rejects for what the stranger does.
 */
export function talk<Result>(
  stream: Duplex,
  conversation: Conversation<Result>,
  { milliseconds, bytes, stop }: TalkLimits,
): Promise<Talked<Result>> {
  return new Promise((resolve) => {
    let heard: Uint8Array = NOTHING
    let count = 0
    /** held back while it may become the greeting of a listener; undefined once it cannot */
    let held: Uint8Array | undefined = NOTHING
    const dialogue = new Dialogue(conversation, (said) => void stream.write(said))

    const finish = (how: Talked<Result>): void => {
      callOff()
      stop.removeEventListener('abort', onSilence)
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onEnd)
      // It may break later, when nobody wants to know.
      stream.on('error', () => {}).pause()
      resolve(how)
    }
    const onSilence = (): void => finish({ end: 'silent', heard })
    const onEnd = (): void => finish({ end: 'closed', heard })
    const onError = ({ code = 'unknown' }: NodeJS.ErrnoException): void =>
      finish({ end: 'broken', heard, code })
    const onData = (chunk: Uint8Array): void => {
      count += chunk.length
      if (heard.length < KEPT) heard = concat(heard, chunk.subarray(0, KEPT - heard.length))
      if (held === undefined) feed(chunk)
      else if (!awaitsGreeting(chunk)) feed(takeHeld())
    }
    const awaitsGreeting = (chunk: Uint8Array): boolean => {
      held = concat(held ?? NOTHING, chunk)
      const text = new TextDecoder('latin1').decode(held)
      const source = readGreeting(text)
      if (source !== undefined) finish({ end: 'stand-in', source, heard })
      return source !== undefined || (mayBeGreeting(text) && held.length < GREETING_BYTES)
    }
    const takeHeld = (): Uint8Array => {
      const all = held ?? NOTHING
      held = undefined
      return all
    }
    const feed = (said: Uint8Array): void => {
      dialogue.feed(said)
      if (dialogue.outcome !== undefined)
        finish({ end: 'answered', result: dialogue.outcome.result, heard })
      else if (count > bytes) finish({ end: 'too long', heard })
    }
    const callOff = afterListening(milliseconds, onSilence)
    stop.addEventListener('abort', onSilence)
    stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd)
    stream.resume()
  })
}
