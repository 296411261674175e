import { setTimeout as delay } from 'node:timers/promises'

/** What one try to use something up has come to. */
export type Try = 'won' | 'refused' | 'failed'

/** What a hammering has come to. */
export interface Hammered {
  /** how often each thing was won */
  readonly wins: readonly number[]
  /** tries that failed for other reasons than that it was used before */
  readonly failures: number
}

const REST_MILLISECONDS = 50

/**
 * Tries to use up each of some things again and again, several at a time, while something happens to whoever keeps
 * account of them. Not all begin at once: some are still untouched when it happens.
 *
 * @param tries ways to use a thing up, tried at the same time
 * @param meanwhile what happens, told of the first that was won; the hammering goes on until it is over
 */
export async function hammer<Thing>(
  things: readonly Thing[],
  tries: readonly ((thing: Thing) => Promise<Try>)[],
  spreadMilliseconds: number,
  meanwhile: (firstWin: Promise<void>) => Promise<void>,
): Promise<Hammered> {
  const wins = things.map(() => 0)
  let failures = 0
  let isOver = false
  const firstWin = Promise.withResolvers<void>()
  const goOn = async (thing: Thing, at: number, use: (thing: Thing) => Promise<Try>) => {
    await delay((at / things.length) * spreadMilliseconds)
    do {
      const came = await use(thing)
      if (came === 'won') {
        wins[at] = (wins[at] ?? 0) + 1
        firstWin.resolve()
      }
      if (came === 'failed') failures++
      await delay(REST_MILLISECONDS)
    } while (!isOver)
  }
  const hammering = things.flatMap((thing, at) => tries.map((use) => goOn(thing, at, use)))
  await meanwhile(firstWin.promise)
  isOver = true
  await Promise.all(hammering)
  return { wins, failures }
}
