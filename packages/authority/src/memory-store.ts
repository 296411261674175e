import type { Redemption, TicketRecord, TicketStore } from './store.ts'

interface Entry {
  /** undefined once it is used */
  record: TicketRecord | undefined
  forgetAt: number
}

/** Tickets in the memory of one STA. Gone when it ends. */
export class MemoryStore implements TicketStore {
  readonly #entries = new Map<string, Entry>()
  #live = 0
  #swept = 0

  async put(
    ticket: string,
    record: TicketRecord,
    lifetime: number,
    limit: number,
    now: number,
  ): Promise<boolean> {
    this.#sweep(now, this.#live >= limit)
    if (this.#live >= limit) return false
    this.#entries.set(ticket, { record, forgetAt: record.expiresAt + lifetime })
    this.#live++
    return true
  }

  async redeem(ticket: string, now: number): Promise<Redemption> {
    const entry = this.#find(ticket, now)
    if (entry === undefined) return { outcome: 'unknown' }
    const { record } = entry
    if (record === undefined) return { outcome: 'used' }
    if (now >= record.expiresAt) return { outcome: 'expired' }
    entry.record = undefined
    this.#live--
    return { outcome: 'redeemed', record }
  }

  async refresh(ticket: string, expiresAt: number, lifetime: number, now: number) {
    const entry = this.#find(ticket, now)
    if (entry === undefined) return 'unknown'
    if (entry.record === undefined) return 'used'
    if (now >= entry.record.expiresAt) return 'expired'
    if (!entry.record.refreshable) return 'unknown'
    entry.record = { ...entry.record, expiresAt }
    entry.forgetAt = expiresAt + lifetime
    return 'refreshed'
  }

  async live(now: number): Promise<number> {
    this.#sweep(now, true)
    return this.#live
  }

  async close(): Promise<void> {
    this.#entries.clear()
  }

  #find(ticket: string, now: number): Entry | undefined {
    const entry = this.#entries.get(ticket)
    return entry !== undefined && now < entry.forgetAt ? entry : undefined
  }

  /** Forgets what nobody can ask for any more; at most once a second, unless it must. */
  #sweep(now: number, must: boolean): void {
    if (!must && now - this.#swept < 1000) return
    this.#swept = now
    for (const [ticket, { forgetAt }] of this.#entries)
      if (now >= forgetAt) this.#entries.delete(ticket)
    this.#live = [...this.#entries.values()].filter(
      ({ record }) => record !== undefined && now < record.expiresAt,
    ).length
  }
}
