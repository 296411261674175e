import { parentPort, workerData } from 'node:worker_threads'
import { Dice } from './dice.ts'
import { mutated } from './mutate.ts'
import type { Parser, Verdict } from './parser.ts'
import { parsers, shares } from './parsers.ts'

/** What the thread that feeds the parsers is told. */
export interface Orders {
  readonly seed: number
  readonly inputs: number
  /** which parser and which input are being read: whoever watches sees a hang */
  readonly progress: Int32Array
}

/** What it tells of one parser. */
export interface Figures {
  readonly parser: string
  readonly inputs: number
  readonly verdicts: Readonly<Record<Verdict, number>>
  readonly milliseconds: number
  /** CPU time of the slowest input, ms */
  readonly slowest: number
  /** the first input that broke the promise, made as short as it gets */
  readonly broken?: { readonly input: number; readonly hex: string; readonly error: string }
}

/** The n-th input of a parser: the same for the same seed. */
export function inputOf(seed: number, parser: number, input: number): Uint8Array {
  const { corpus, longest } = parsers[parser] as Parser
  return mutated(new Dice(seed, parser, input), corpus, longest)
}

if (parentPort !== null && (workerData as Partial<Orders> | null)?.progress !== undefined)
  await feedAll(workerData as Orders)

async function feedAll({ seed, inputs, progress }: Orders): Promise<void> {
  const share = shares(inputs)
  for (const [at, parser] of parsers.entries()) {
    progress[0] = at
    parentPort?.postMessage(await feed(at, parser, share.get(parser) ?? 0, seed, progress))
  }
}

async function feed(
  at: number,
  parser: Parser,
  inputs: number,
  seed: number,
  progress: Int32Array,
): Promise<Figures> {
  const verdicts = { accepted: 0, refused: 0, waits: 0 }
  const began = performance.now()
  let slowest = 0
  const figures = () => ({
    parser: parser.name,
    inputs,
    verdicts,
    milliseconds: performance.now() - began,
    slowest,
  })
  for (let input = 0; input < inputs; input++) {
    progress[1] = input
    const bytes = inputOf(seed, at, input)
    const before = process.threadCpuUsage()
    try {
      verdicts[await parser.judge(bytes, diceFor(seed, input))]++
    } catch (error) {
      const hex = (await shortest(parser, bytes, seed, input)).toHex()
      return { ...figures(), broken: { input, hex, error: String((error as Error).stack) } }
    }
    const { user, system } = process.threadCpuUsage(before)
    slowest = Math.max(slowest, (user + system) / 1000)
  }
  return figures()
}

function diceFor(seed: number, input: number): Dice {
  return new Dice(seed, input, 7)
}

/** Leaves out ever smaller pieces, as long as the promise is still broken. */
async function shortest(
  parser: Parser,
  bytes: Uint8Array,
  seed: number,
  input: number,
): Promise<Uint8Array> {
  let short = bytes
  for (let size = Math.ceil(short.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < short.length; ) {
      const without = Buffer.concat([short.subarray(0, at), short.subarray(at + size)])
      if (await breaks(parser, without, seed, input)) short = without
      else at += size
    }
  }
  return short
}

async function breaks(
  parser: Parser,
  bytes: Uint8Array,
  seed: number,
  input: number,
): Promise<boolean> {
  try {
    await parser.judge(bytes, diceFor(seed, input))
    return false
  } catch {
    return true
  }
}
