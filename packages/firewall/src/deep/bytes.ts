import { COMPARED_BYTES, LINE_BYTES, readVerdict, type Verdict } from './language.ts'
import { ask, type Far, meetAgain } from './meet.ts'
import { Comparison, pattern, patternDigest } from './pattern.ts'
import { type Talk, whenOver } from './talk.ts'

const WRITE_BYTES = 16_384

export interface BytesFound {
  readonly count: number
  /** what arrived there, as the far end tells; undefined where its word did not come back */
  readonly up: Verdict | undefined
  /** what arrived here */
  readonly down: Verdict
  readonly same: boolean
}

/** Sends a megabyte of all byte values each way, and compares both. @throws NotMet, TalkOver before the first byte */
export async function compareBytes(far: Far): Promise<BytesFound> {
  const { talk } = await meetAgain(far)
  const count = COMPARED_BYTES
  try {
    await ask(talk, { what: 'bytes', bytes: count }, far.timeoutMs)
    const sending = send(talk, count, far.timeoutMs)
    const down = await receive(talk, count, far.timeoutMs)
    await sending
    const line = await talk.line(far.timeoutMs, LINE_BYTES).catch(whenOver(undefined))
    const up = line === undefined ? undefined : readVerdict(line)
    const digest = patternDigest(count)
    return { count, up, down, same: up?.digest === digest && down.digest === digest }
  } finally {
    talk.socket.destroy()
  }
}

async function send(talk: Talk, count: number, timeoutMs: number): Promise<void> {
  for (let from = 0; from < count; from += WRITE_BYTES) {
    const chunk = pattern(from, Math.min(WRITE_BYTES, count - from))
    const over = await talk.write(chunk, timeoutMs).catch((error) => whenOver(error) ?? true)
    if (over) return
  }
}

async function receive(talk: Talk, count: number, timeoutMs: number): Promise<Verdict> {
  const came = new Comparison()
  while (came.count < count) {
    const chunk = await talk.some(timeoutMs, count - came.count).catch(whenOver(undefined))
    if (chunk === undefined) break
    came.push(chunk)
  }
  return came.verdict(count)
}
