import { Worker } from 'node:worker_threads'
import { parsers } from './parsers.ts'
import { type Figures, inputOf, type Orders } from './worker.ts'

/** One input may cost so much on a busy machine; more is a hang. */
const PATIENCE_MILLISECONDS = 60_000

const NOT_BEGUN = -1

/**
 * Feeds mutated inputs to every parser, in a thread of its own, so that one that never comes back is seen.
 *
 * @param onFigures told of each parser when it is through
 * @returns what hangs, with its input, if anything does
 */
export async function fuzz(
  seed: number,
  inputs: number,
  onFigures: (figures: Figures) => void,
): Promise<{ readonly parser: string; readonly hex: string } | undefined> {
  const progress = new Int32Array(new SharedArrayBuffer(8)).fill(NOT_BEGUN)
  const orders: Orders = { seed, inputs, progress }
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: orders })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  worker
    .on('message', onFigures)
    .once('error', reject)
    .once('exit', () => resolve())

  let seen = ''
  let since = performance.now()
  let hanging: { parser: string; hex: string } | undefined
  const watch = setInterval(() => {
    if (progress.join() !== seen) since = performance.now()
    seen = progress.join()
    if (progress.includes(NOT_BEGUN) || performance.now() - since < PATIENCE_MILLISECONDS) return
    const [parser = 0, input = 0] = progress
    const hex = inputOf(seed, parser, input).toHex()
    hanging = { parser: `${parsers[parser]?.name}, input ${input}`, hex }
    void worker.terminate()
  }, 1000)
  try {
    await promise
  } finally {
    clearInterval(watch)
  }
  return hanging
}
