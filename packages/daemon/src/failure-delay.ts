import { sourceOf } from '@doublehop/wire/ip'

/** A source that has failed nothing for so long is a stranger again. */
const FORGET_MILLISECONDS = 60_000
/** Sources that are remembered; beyond that those that have been quiet longest are forgotten. */
const SOURCES = 10_000
/** So many at once: a map that lost its first entries is slow to tell which is the first one now. */
const FORGOTTEN_AT_ONCE = 1000
const LONGEST_MILLISECONDS = 3_600_000

/**
 * How long the answer to a failure is held: so long for the first one of a client source, and twice as long for each
 * further one. Who guesses gets slower and slower; who shares its address and guesses nothing is not touched.
 */
export class FailureDelay {
  /** of the first failure, milliseconds; undefined for none ever */
  first: number | undefined
  readonly #failures = new Map<string, { count: number; last: number }>()

  constructor(first: number | undefined) {
    this.first = first
  }

  /** Notes a failure of this source. @returns how long its answer is to be held, milliseconds */
  failed(host: string): number {
    if (this.first === undefined) return 0
    const now = performance.now()
    const source = sourceOf(host)
    const before = this.#failures.get(source)
    const isRecent = before !== undefined && now - before.last < FORGET_MILLISECONDS
    const count = isRecent ? before.count + 1 : 1
    // Taken out and put back, so that the first one of the map is the one that has been quiet longest.
    this.#failures.delete(source)
    this.#failures.set(source, { count, last: now })
    if (this.#failures.size > SOURCES) this.#forgetQuietest()
    return Math.min(this.first * 2 ** (count - 1), LONGEST_MILLISECONDS)
  }

  #forgetQuietest(): void {
    for (const source of [...this.#failures.keys().take(FORGOTTEN_AT_ONCE)])
      this.#failures.delete(source)
  }
}
