import type { Fault } from '@doublehop/errors/fault'

/** A moment by which something must be done, for `using`: the timer ends with the block. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #at: number

  /** @param raise makes the fault that the signal aborts with */
  constructor(milliseconds: number, raise: () => Fault) {
    this.#at = performance.now() + milliseconds
    this.#timer = setTimeout(() => this.#controller.abort(raise()), milliseconds)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Milliseconds that are left, never less than 0. */
  get remaining(): number {
    return Math.max(0, this.#at - performance.now())
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}

/** Resolves when so many milliseconds have passed since `start` (performance.now()), at once if they have; never early. */
export async function reached(start: number, milliseconds: number): Promise<void> {
  const left = start + milliseconds - performance.now()
  if (left <= 0) return
  // A timer counts from the start of the event loop's turn, so it may end before its time.
  await new Promise((resolve) => setTimeout(resolve, Math.ceil(left)))
  await reached(start, milliseconds)
}
