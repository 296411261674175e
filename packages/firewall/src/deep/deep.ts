import { asFault, Fault } from '@doublehop/errors/fault'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import {
  DEEP_TESTS,
  type DeepResult,
  type DeepTest,
  type DeepTestResult,
} from '../check/deep-result.ts'
import type { Probe } from '../check/plan.ts'
import { compareBytes } from './bytes.ts'
import { tryHalfClose } from './half-close.ts'
import { findIdleLimit } from './idle.ts'
import { type Far, meetAgain, NotMet } from './meet.ts'
import { findRateLimit } from './rate.ts'
import { findLargestPackets } from './segments.ts'
import {
  routeOf,
  type Said,
  sayBytes,
  sayHalfClose,
  sayIdle,
  sayRate,
  saySegments,
} from './sentences.ts'
import { TalkOver } from './talk.ts'

export interface DeepOptions {
  /** how long an answer may take; 4000 by default */
  readonly timeoutMs?: number
  /** the longest silence that is tried, 1 to 7200 s; 120 by default */
  readonly idleMaxSeconds?: number
  /** connections opened at once, 10 to 200; 100 by default */
  readonly burst?: number
  /** all by default */
  readonly tests?: readonly DeepTest[]
  /** for people: what goes on */
  readonly onProgress?: (progress: DeepProgress) => void
  /** ends it early; what was found until then is told */
  readonly signal?: AbortSignal
}

export interface DeepProgress {
  /** id of the flow */
  readonly flow: string
  readonly test: DeepTest
  readonly text: string
}

/** What is lost for its size would be found twice. */
const BEHIND_A_HOLE: DeepTestResult = {
  ...{ test: 'bytes', result: 'skip', seconds: 0 },
  sentence: 'not tried, since large packets are lost',
}

interface Found extends Pick<DeepTestResult, 'idleSeconds' | 'packetBytes'> {
  readonly said: Said
  readonly skip?: true
}

/**
 * What a port test cannot see of one needed TCP flow. `doublehop listen` must stand in the daemon's place at the far
 * end; it is known by its greeting, and where something else answers nothing is tested. Takes about the longest idle
 * time and a few seconds. Never throws.
 */
export async function deepCheck(probe: Probe, options: DeepOptions = {}): Promise<DeepResult> {
  const about = { flow: probe.id, route: routeOf(probe), firewalls: probe.firewalls }
  const obstacle = unfit(probe) ?? (await unmet(farOf(probe, options), probe))
  if (obstacle !== undefined) return { ...about, tests: [], note: obstacle }
  const run = new DeepRun(probe, options)
  const tests = await run.all(options.tests ?? DEEP_TESTS)
  return { ...about, tests }
}

function farOf({ to, from, port }: Probe, { timeoutMs = 4000 }: DeepOptions): Far {
  return { address: to.address, port, from: from.address, timeoutMs }
}

function unfit({ expect, protocol, from }: Probe): string | undefined {
  if (expect === 'deny') return 'this flow must not work'
  if (protocol === 'udp') return 'only TCP is tested'
  return from.address === undefined ? 'no host is known that it starts from' : undefined
}

/** Why nothing can be tested; undefined when `doublehop listen` greets. */
async function unmet(far: Far, probe: Probe): Promise<string | undefined> {
  try {
    const { talk } = await meetAgain(far)
    talk.socket.destroy()
    return undefined
  } catch (error) {
    if (!(error instanceof NotMet)) throw error
    const { from, to, port } = probe
    const place = formatEndpoint({ host: to.address, port })
    if (error.how === 'daemon')
      return `a daemon answers at ${place}: stop it, and run doublehop listen --zone ${to.zone} there`
    if (error.how === 'EADDRNOTAVAIL') return `run on ${from.address}, the host of ${from.name}`
    return `nobody answers at ${place} (${error.how}): see what the check says, and run doublehop listen --zone ${to.zone} there`
  }
}

class DeepRun {
  readonly #probe: Probe
  readonly #options: DeepOptions
  readonly #far: Far

  constructor(probe: Probe, options: DeepOptions) {
    this.#probe = probe
    this.#options = options
    this.#far = farOf(probe, options)
  }

  /** Idle connections wait while the other tests run one after the other; a burst comes last, where it harms none. */
  async all(wanted: readonly DeepTest[]): Promise<DeepTestResult[]> {
    const found = new Map<DeepTest, DeepTestResult>()
    const run = async (test: DeepTest): Promise<void> => {
      const over = this.#options.signal?.aborted === true
      if (wanted.includes(test) && !over) found.set(test, await this.#one(test))
    }
    const idle = run('idle')
    await run('half-close')
    await run('mtu')
    const hole = found.get('mtu')?.result === 'fail'
    if (hole && wanted.includes('bytes')) found.set('bytes', BEHIND_A_HOLE)
    else await run('bytes')
    await idle
    await run('rate')
    return DEEP_TESTS.flatMap((test) => found.get(test) ?? [])
  }

  async #one(test: DeepTest): Promise<DeepTestResult> {
    const began = performance.now()
    const { said, skip, ...figures } = await this.#find(test).catch(skipped)
    const seconds = Math.round(performance.now() - began) / 1000
    this.#progress(test, said instanceof Fault ? said.message : said)
    if (!(said instanceof Fault))
      return { test, result: skip ? 'skip' : 'pass', sentence: said, seconds, ...figures }
    const sentence = `${said.message}; ${said.action}`
    return { test, result: 'fail', code: said.code, sentence, seconds, ...figures }
  }

  #find(test: DeepTest): Promise<Found> {
    switch (test) {
      case 'idle':
        return this.#idle()
      case 'mtu':
        return this.#mtu()
      case 'half-close':
        return tryHalfClose(this.#far).then((found) => ({ said: sayHalfClose(this.#probe, found) }))
      case 'rate':
        return this.#rate()
      case 'bytes':
        return compareBytes(this.#far).then((found) => ({ said: sayBytes(this.#probe, found) }))
    }
  }

  async #idle(): Promise<Found> {
    const { idleMaxSeconds = 120, signal = new AbortController().signal } = this.#options
    const longestSeconds = Math.min(7200, Math.max(1, idleMaxSeconds))
    const found = await findIdleLimit(this.#far, {
      ...{ longestSeconds, signal },
      onLife: ({ seconds, lived }) =>
        this.#progress('idle', `${lived ? 'alive' : 'dead'} after ${seconds.toFixed(1)} s`),
    })
    if (found.tried === 0) throw new NotMet('no connection could be left idle')
    const { lived, died } = found
    return {
      said: sayIdle(this.#probe, found),
      ...(died !== undefined && { idleSeconds: { lived, died } }),
    }
  }

  async #mtu(): Promise<Found> {
    const found = await findLargestPackets(this.#far)
    const { up, down } = found
    return { said: saySegments(this.#probe, found), packetBytes: { up, down } }
  }

  async #rate(): Promise<Found> {
    const { burst = 100 } = this.#options
    const found = await findRateLimit(this.#far, Math.min(200, Math.max(10, burst)))
    return { said: sayRate(this.#probe, found) }
  }

  #progress(test: DeepTest, text: string): void {
    this.#options.onProgress?.({ flow: this.#probe.id, test, text })
  }
}

function skipped(error: unknown): Found {
  const known = error instanceof NotMet || error instanceof TalkOver
  const how = known ? error.how : asFault(error).message
  return { said: `it could not be tried: ${how}`, skip: true }
}
