import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { AFTER_END_MS, COMMANDS } from './language.ts'
import { ask, type Far, meetAgain } from './meet.ts'
import { whenOver } from './talk.ts'

const ASK_EVERY_MS = 100

export interface HalfCloseFound {
  /** whether what the far end says still comes after we have finished */
  readonly afterOurs: boolean
  /** whether what we say still arrives after the far end has finished */
  readonly afterTheirs: boolean
}

/** Ends one direction and uses the other, both ways round. @throws NotMet, TalkOver before anything has ended */
export async function tryHalfClose(far: Far): Promise<HalfCloseFound> {
  const [afterOurs, afterTheirs] = await Promise.all([weFinish(far), theyFinish(far)])
  return { afterOurs, afterTheirs }
}

async function weFinish(far: Far): Promise<boolean> {
  const { talk } = await meetAgain(far)
  const nonce = newNonce()
  try {
    await ask(talk, { what: 'close-last', nonce }, far.timeoutMs)
    talk.socket.end()
    const heard = await talk
      .line(far.timeoutMs + AFTER_END_MS, nonce.length + 2)
      .catch(whenOver(undefined))
    return heard === nonce
  } finally {
    talk.socket.destroy()
  }
}

async function theyFinish(far: Far): Promise<boolean> {
  const { talk } = await meetAgain(far)
  const nonce = newNonce()
  try {
    await ask(talk, { what: 'close-first', nonce }, far.timeoutMs)
    await talk.end(far.timeoutMs)
    await delay(AFTER_END_MS)
    await talk.write(`${nonce}\r\n`, far.timeoutMs).catch(whenOver(undefined))
    talk.socket.end()
    return await hasCome(far, nonce)
  } finally {
    talk.socket.destroy()
  }
}

/** Over another connection: on its own nobody can answer any more. */
async function hasCome(far: Far, nonce: string): Promise<boolean> {
  const { talk } = await meetAgain(far)
  const until = performance.now() + far.timeoutMs
  // The far end takes no more than so many questions.
  const pause = Math.max(ASK_EVERY_MS, (2 * far.timeoutMs) / COMMANDS)
  try {
    for (;;) {
      if ((await ask(talk, { what: 'seen', nonce }, far.timeoutMs)) === 'seen yes') return true
      if (performance.now() > until) return false
      await delay(pause)
    }
  } finally {
    talk.socket.destroy()
  }
}

function newNonce(): string {
  return randomBytes(16).toString('hex')
}
