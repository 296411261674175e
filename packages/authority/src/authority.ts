import { randomBytes } from 'node:crypto'
import { type Fault, fault } from '@doublehop/errors/fault'
import type { TicketData } from '@doublehop/wire/sta-messages'
import { isAllZero, StaTicket } from '@doublehop/wire/ticket'
import type { TicketStore } from './store.ts'

export interface AuthorityOptions {
  /** the authority id: stands in every ticket */
  readonly id: string
  /** milliseconds from issue to the last redemption */
  readonly ticketLifetime: number
  /** milliseconds that a refreshable ticket lives after its issue and each refresh */
  readonly refreshableLifetime: number
  /** live tickets at once */
  readonly maxTickets: number
  readonly store: TicketStore
  /** ms since 1970; the one clock that judges expiry */
  readonly clock?: () => number
}

/** Issues tickets and redeems each of them exactly once. */
export class Authority {
  readonly id: string
  readonly #options: AuthorityOptions
  readonly #clock: () => number

  constructor(options: AuthorityOptions) {
    this.id = options.id
    this.#options = options
    this.#clock = options.clock ?? Date.now
  }

  /** A new ticket of 128 random bits that stands for this data. @throws Fault DH_STA_FULL, DH_STA_STORE */
  async issue(data: TicketData, refreshable: boolean): Promise<StaTicket> {
    const { store, maxTickets } = this.#options
    const hex = randomBytes(16).toString('hex').toUpperCase()
    const lifetime = this.#lifetime(refreshable)
    const now = this.#clock()
    const record = { data, refreshable, expiresAt: now + lifetime }
    if (!(await store.put(hex, record, lifetime, maxTickets, now)))
      throw fault('DH_STA_FULL', { limit: maxTickets })
    return new StaTicket(this.id, hex)
  }

  /**
   * Spends a ticket.
   *
   * @param sta the id that stood beside it, if any: a ticket of another authority is unknown here
   * @throws Fault DH_TICKET_UNKNOWN, DH_TICKET_USED, DH_TICKET_EXPIRED, DH_STA_STORE
   */
  async redeem(hex: string, sta: string = this.id): Promise<TicketData> {
    if (sta !== this.id || isAllZero(hex)) throw fault('DH_TICKET_UNKNOWN', { sta: this.id })
    const redemption = await this.#options.store.redeem(hex, this.#clock())
    if (redemption.outcome !== 'redeemed') throw this.#refusal(redemption.outcome)
    return redemption.record.data
  }

  /** Lets a refreshable ticket live on. @returns when it ends now, ms since 1970 @throws as redeem */
  async refresh(hex: string, sta: string = this.id): Promise<number> {
    if (sta !== this.id) throw fault('DH_TICKET_UNKNOWN', { sta: this.id })
    const now = this.#clock()
    const lifetime = this.#lifetime(true)
    const outcome = await this.#options.store.refresh(hex, now + lifetime, lifetime, now)
    if (outcome !== 'refreshed') throw this.#refusal(outcome)
    return now + lifetime
  }

  /** Tickets that could be redeemed now. */
  live(): Promise<number> {
    return this.#options.store.live(this.#clock())
  }

  #lifetime(refreshable: boolean): number {
    return refreshable ? this.#options.refreshableLifetime : this.#options.ticketLifetime
  }

  #refusal(outcome: 'used' | 'expired' | 'unknown'): Fault {
    const sta = this.id
    if (outcome === 'used') return fault('DH_TICKET_USED', { sta })
    if (outcome === 'expired') return fault('DH_TICKET_EXPIRED', { sta })
    return fault('DH_TICKET_UNKNOWN', { sta })
  }
}
