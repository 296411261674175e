import type { Arrival } from '../check/result.ts'

/** An arrival whose nonce may still come. */
export type Entry = { -readonly [Key in keyof Arrival]: Arrival[Key] }

/** What arrived, the newest of it; what had to be given up is counted. */
export class Arrivals {
  readonly #kept = new Set<Entry>()
  readonly #most: number
  readonly #onArrival: (arrival: Arrival) => void
  #givenUp = 0

  constructor(most: number, onArrival: (arrival: Arrival) => void) {
    this.#most = most
    this.#onArrival = onArrival
  }

  get all(): Arrival[] {
    return [...this.#kept]
  }

  /** how many older ones were given up */
  get givenUp(): number {
    return this.#givenUp
  }

  /** Keeps it; its owner tells of it with `tell` once all of it is known. */
  add(arrival: Omit<Arrival, 'time'>): Entry {
    const entry: Entry = { ...arrival, time: new Date().toISOString() }
    this.#kept.add(entry)
    for (const oldest of this.#kept) {
      if (this.#kept.size <= this.#most) break
      this.#kept.delete(oldest)
      this.#givenUp += 1
    }
    return entry
  }

  tell(entry: Entry): void {
    this.#onArrival({ ...entry })
  }
}
