import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { ask, type Far, meetAgain } from './meet.ts'

/** Each idle time is so many times the one before: a limit between two of them is known to within 8 %. */
const GROWTH = 1.08
const SHORTEST_SECONDS = 2
/** They are opened one after the other: a limit of new connections is another test's to find. */
const OPEN_EVERY_MS = 15
/** So many that died, and longer ones could only die too. */
const ENOUGH_DEAD = 3

export interface IdleFound {
  /** the longest silence that a connection outlived, in seconds; 0 where none did */
  readonly lived: number
  /** the shortest one beyond it that none outlived; undefined where there is no such limit */
  readonly died: number | undefined
  /** connections that died though others outlived a longer silence */
  readonly strays: number
  readonly tried: number
}

/** Growing idle times in seconds, up to and including the longest. */
export function idleTimes(longest: number): number[] {
  const times: number[] = []
  for (let time = Math.min(SHORTEST_SECONDS, longest); time < longest; time *= GROWTH)
    times.push(Math.round(time * 10) / 10)
  // A last step smaller than the others would find nothing that these do not.
  return [...times.filter((time) => time * 1.02 < longest), longest]
}

/** What the lives and deaths of connections tell of a limit. */
export function judgeIdle(lives: readonly Life[]): IdleFound {
  const lived = Math.max(0, ...lives.flatMap((one) => (one.lived ? [one.seconds] : [])))
  const dead = lives.filter((one) => !one.lived).map(({ seconds }) => seconds)
  const beyond = dead.filter((seconds) => seconds > lived)
  return {
    lived,
    died: beyond.length === 0 ? undefined : Math.min(...beyond),
    strays: dead.length - beyond.length,
    tried: lives.length,
  }
}

export interface Life {
  readonly seconds: number
  readonly lived: boolean
}

export interface IdleOptions {
  readonly longestSeconds: number
  readonly signal: AbortSignal
  readonly onLife: (life: Life) => void
}

/**
 * Opens a connection for every idle time, all at once, leaves each alone for its time, and sees whether it still
 * carries a byte both ways. Takes as long as the longest, or until it is clear where the limit is.
 */
export async function findIdleLimit(
  far: Far,
  { longestSeconds, signal, onLife }: IdleOptions,
): Promise<IdleFound> {
  const enough = new AbortController()
  const over = AbortSignal.any([signal, enough.signal])
  const lives: Life[] = []
  const note = (life: Life): void => {
    lives.push(life)
    onLife(life)
    const longest = Math.max(0, ...lives.flatMap((one) => (one.lived ? [one.seconds] : [])))
    const beyond = lives.filter((one) => !one.lived && one.seconds > longest)
    if (beyond.length >= ENOUGH_DEAD) enough.abort()
  }
  await Promise.all(
    idleTimes(longestSeconds).map(async (seconds, at) => {
      await pause(at * OPEN_EVERY_MS, over)
      const life = await leaveAlone(far, seconds, over)
      if (life !== undefined) note(life)
    }),
  )
  return judgeIdle(lives)
}

/** @returns undefined where it could not be tried, or was ended early */
async function leaveAlone(far: Far, seconds: number, over: AbortSignal): Promise<Life | undefined> {
  const met = over.aborted ? undefined : await meetAgain(far).catch(() => undefined)
  if (met === undefined) return undefined
  const { talk } = met
  over.addEventListener('abort', () => talk.socket.destroy(), { once: true })
  try {
    const before = performance.now()
    await ask(talk, { what: 'wait', seconds: Math.ceil(seconds) }, far.timeoutMs)
    const since = performance.now()
    await pause(seconds * 1000, over)
    const until = performance.now()
    if (over.aborted) return undefined
    const nonce = randomBytes(16).toString('hex')
    const asking = ask(talk, { what: 'echo', nonce }, far.timeoutMs)
    const after = performance.now()
    const lived = (await asking.catch(() => undefined)) === `echo ${nonce}`
    // What ends while it is waited for has told nothing.
    if (over.aborted) return undefined
    // The last packet before the silence, and the first one after it, passed at some moment within these.
    return { lived, seconds: (lived ? until - since : after - before) / 1000 }
  } catch {
    return undefined
  } finally {
    talk.socket.destroy()
  }
}

async function pause(milliseconds: number, over: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal: over }).catch(() => {})
}
