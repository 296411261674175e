import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { type Far, meet, NotMet } from './meet.ts'

/** Linux sends a SYN again after a second: what is connected before then got through at the first try. */
const IN_TIME_MS = 900
/** A process that stood still for longer knows nothing of that. */
const STANDSTILL_MS = 300
/** Fewer than this part in time, twice: that is no loss, but a limit. */
const ENOUGH = 0.75
const COUNTED = 2
const ROUNDS = 5
const STEADY_SECONDS = 2
/** A limit that counts by seconds starts anew. */
const REST_MS = 1100

export interface RateFound {
  readonly burst: number
  /** of those, answered in time, in the best of the rounds */
  readonly answered: number
  /** what a steady row of as many a second brings through; undefined where the burst did */
  readonly perSecond: number | undefined
}

/**
 * Opens many connections at once; if too few are answered, as many a second for two seconds.
 *
 * @throws NotMet when this host is too busy to tell
 */
export async function findRateLimit(far: Far, burst: number): Promise<RateFound> {
  let [answered, counted] = [0, 0]
  for (let round = 0; round < ROUNDS && counted < COUNTED; round++) {
    if (round > 0) await delay(REST_MS)
    const found = await countAnswered(far, burst, 0)
    answered = Math.max(answered, found.answered)
    if (answered >= burst * ENOUGH) return { burst, answered, perSecond: undefined }
    if (!found.stoodStill) counted += 1
  }
  if (counted === 0) throw new NotMet('this host is too busy')
  await delay(REST_MS)
  const steady = await countAnswered(far, burst * STEADY_SECONDS, 1000 / burst)
  return { burst, answered, perSecond: Math.round(steady.answered / STEADY_SECONDS) }
}

/** @param everyMs 0: all at once, and all stay open to the end, for a limit of connections at once is one too */
async function countAnswered(
  far: Far,
  count: number,
  everyMs: number,
): Promise<{ readonly answered: number; readonly stoodStill: boolean }> {
  const standstill = monitorEventLoopDelay({ resolution: 10 })
  standstill.enable()
  const answers = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      if (everyMs > 0) await delay(at * everyMs)
      const met = await meet({ ...far, connectMs: IN_TIME_MS }).catch(() => undefined)
      if (everyMs > 0) met?.talk.socket.destroy()
      return met
    }),
  )
  standstill.disable()
  for (const met of answers) met?.talk.socket.destroy()
  return {
    answered: answers.filter((met) => met !== undefined).length,
    stoodStill: standstill.max / 1e6 > STANDSTILL_MS,
  }
}
