import type { Leg } from '@doublehop/daemon/leg'

/** A connection opened ahead that nobody used for so long is closed; the proxy would wait twice as long. */
const AHEAD_MILLISECONDS = 30_000

/** Connections to a next hop that are opened before somebody needs them. */
export class Ahead {
  readonly #wanted: number
  readonly #dial: () => Promise<Leg>
  readonly #ready = new Map<Leg, NodeJS.Timeout>()
  #opening = 0
  #closed = false

  /** @param wanted how many are to be ready while launches come */
  constructor(wanted: number, dial: () => Promise<Leg>) {
    this.#wanted = wanted
    this.#dial = dial
  }

  /** One that is ready, if there is one. */
  take(): Leg | undefined {
    for (const [leg, timer] of this.#ready) {
      clearTimeout(timer)
      this.#ready.delete(leg)
      if (!leg.gone.aborted) return leg
    }
    return undefined
  }

  /** While launches come, the next ones find their connection open. Without them there are none. */
  fill(): void {
    const missing = this.#wanted - this.#ready.size - this.#opening
    for (let opened = 0; opened < missing && !this.#closed; opened++) this.#open()
  }

  /** Closes them, and opens no more. */
  close(): void {
    this.#closed = true
    for (const [leg, timer] of this.#ready) {
      clearTimeout(timer)
      leg.destroy()
    }
  }

  #open(): void {
    this.#opening++
    this.#dial()
      .then((leg) => (this.#closed ? leg.destroy() : this.#keep(leg)))
      .catch(() => {})
      .finally(() => this.#opening--)
  }

  #keep(leg: Leg): void {
    const timer = setTimeout(() => leg.destroy(), AHEAD_MILLISECONDS).unref()
    this.#ready.set(leg, timer)
    leg.gone.addEventListener('abort', () => {
      clearTimeout(timer)
      this.#ready.delete(leg)
    })
    // A proxy that ends an idle connection says so with a FIN.
    leg.listen({ bytes: () => leg.destroy(), end: () => leg.destroy(), drain() {}, close() {} })
  }
}
