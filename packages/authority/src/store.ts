import type { TicketData } from '@doublehop/wire/sta-messages'

/** What is kept of a ticket until it is redeemed. */
export interface TicketRecord {
  readonly data: TicketData
  readonly refreshable: boolean
  /** ms since 1970, by the clock of the STA */
  readonly expiresAt: number
}

/** What became of a redemption. */
export type Redemption =
  | { readonly outcome: 'redeemed'; readonly record: TicketRecord }
  | { readonly outcome: 'used' | 'expired' | 'unknown' }

/**
 * Where tickets are kept, by their secret digits. Redeeming is one atomic swap to a marker, never a delete, so that
 * of two redemptions at once one wins and the other is told *used*. Markers and expired tickets are kept one more
 * lifetime, so that *used*, *expired* and *unknown* stay told apart.
 */
export interface TicketStore {
  /** Keeps a new ticket. False when `limit` live tickets are there already. */
  put(
    ticket: string,
    record: TicketRecord,
    lifetime: number,
    limit: number,
    now: number,
  ): Promise<boolean>
  redeem(ticket: string, now: number): Promise<Redemption>
  /** Lets a live refreshable ticket live until `expiresAt`. */
  refresh(
    ticket: string,
    expiresAt: number,
    lifetime: number,
    now: number,
  ): Promise<'refreshed' | 'used' | 'expired' | 'unknown'>
  /** live tickets at this moment */
  live(now: number): Promise<number>
  close(): Promise<void>
}
