/** Counts what is under way, and waits until nothing is: for draining. */
export class UnderWay {
  readonly #waiting = new Set<() => void>()
  #count = 0

  get count(): number {
    return this.#count
  }

  begin(): void {
    this.#count++
  }

  end(): void {
    if (--this.#count > 0) return
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  /** Waits until nothing is under way, for so long at most. @returns whether nothing is */
  async over(milliseconds: number): Promise<boolean> {
    if (this.#count === 0) return true
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, milliseconds)
    this.#waiting.add(resolve)
    await promise
    clearTimeout(timer)
    this.#waiting.delete(resolve)
    return this.#count === 0
  }
}
