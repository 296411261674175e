/** What a launch leaves to be done behind its back, such as the other half of a `;42;`. */
const REST_MILLISECONDS = 10_000

/** What a reload replaces as a whole. */
export interface Generation {
  /** Begins nothing more by itself: no probes, nothing opened ahead. What uses it may go on. */
  retire(): void
  /** Ends everything it holds. */
  close(): void
}

/**
 * The parts of a daemon that its settings have made. A reload makes them anew beside the ones that are at work; what
 * has begun with the former ones ends with them, and nobody notices.
 */
export class Generations<Parts extends Generation> {
  #now: Parts
  readonly #former = new Set<Parts>()

  constructor(first: Parts) {
    this.#now = first
  }

  get now(): Parts {
    return this.#now
  }

  /** @param launchMilliseconds how long a launch that uses the former parts may still take */
  replace(next: Parts, launchMilliseconds: number): void {
    const former = this.#now
    this.#now = next
    former.retire()
    this.#former.add(former)
    const end = (): void => {
      this.#former.delete(former)
      former.close()
    }
    setTimeout(end, launchMilliseconds + REST_MILLISECONDS).unref()
  }

  close(): void {
    for (const parts of [this.#now, ...this.#former]) parts.close()
  }
}
