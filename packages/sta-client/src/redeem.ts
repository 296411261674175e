import type { SpentMarks } from '@doublehop/daemon/spent'
import { fault, isFault } from '@doublehop/errors/fault'
import { encodeRequestData, parseResponseData, type TicketData } from '@doublehop/wire/sta-messages'
import { type StaTicket, Ticket } from '@doublehop/wire/ticket'
import { checkReply, type StaReply } from './ask.ts'
import type { KnownSta, StaDirectory } from './directory.ts'

/** Why an STA is asked: a launch waits for the answer, or the other half of a `;42;` is thrown away. */
export type Purpose = 'launch' | 'spend'

/** Sends one RequestData to this STA and brings the reply; tries its urls until one can be reached. */
export type AskForData = (sta: KnownSta, request: Uint8Array, purpose: Purpose) => Promise<StaReply>

/** Which half of a ticket; one that has no second is `primary`. */
export type Which = 'primary' | 'redundant'

/** A ticket that was good. */
export interface Redeemed {
  /** id of the STA that knew it */
  readonly sta: string
  readonly data: TicketData
  /** the reply it came in, for its headers */
  readonly reply: StaReply
}

export interface RedeemerOptions {
  readonly directory: StaDirectory
  /** where the halves of `;42;` tickets are remembered, since one of them may outlive the launch at its STA */
  readonly spent: SpentMarks
  /** how long they are remembered: a ticket lifetime */
  readonly rememberMilliseconds: number
  /** the STA of a ticket is not configured, or cannot be told */
  readonly onLookupFailure?: (ticket: Which) => void
  /** the other half of a `;42;` could not be spent */
  readonly onHalfLeft?: (ticket: StaTicket, error: unknown) => void
}

/** Redeems tickets, each once, wherever the redemption is asked from. */
export class Redeemer {
  readonly #options: RedeemerOptions

  constructor(options: RedeemerOptions) {
    this.#options = options
  }

  /**
   * Redeems a ticket. A `;42;` falls over to its second STA when the first cannot be reached or does not know its
   * half; never when it says *used*. The other half is then spent behind the launch's back. That may fail, so both
   * halves are remembered before the launch goes on: neither is good again, in whatever string it comes back.
   *
   * @throws Fault DH_TICKET_…, DH_STA_…, or what `ask` throws
   */
  async redeem(ticket: Ticket, ask: AskForData): Promise<Redeemed> {
    const { primary, redundant } = ticket
    if (redundant === undefined) return await this.#launch(primary, 'primary', ask)

    const [redeemed, other] = await this.#launch(primary, 'primary', ask).then(
      (good) => [good, redundant] as const,
      async (error) => {
        if (!fallsOver(error)) throw error
        return [await this.#launch(redundant, 'redundant', ask), primary] as const
      },
    )
    void this.#spendOther(other, other === primary ? 'primary' : 'redundant', ask)
    // Of two that got one half each, while an STA came and went, the first to remember them has redeemed the ticket.
    if (!(await this.#remember(primary, redundant))) {
      throw fault('DH_TICKET_USED', { sta: redeemed.sta })
    }
    return redeemed
  }

  /** Redeems a half for a launch, unless it is remembered. */
  async #launch(half: StaTicket, which: Which, ask: AskForData): Promise<Redeemed> {
    if (await this.#options.spent.isSpent(markOf(half))) {
      throw fault('DH_TICKET_USED', { sta: half.sta })
    }
    return await this.#redeemHalf(half, which, ask, 'launch')
  }

  async #redeemHalf(
    half: StaTicket,
    which: Which,
    ask: AskForData,
    purpose: Purpose,
  ): Promise<Redeemed> {
    const sta = await this.#lookUp(half.sta, which)
    const reply = await ask(sta, encodeRequestData({ hex: half.reveal() }), purpose)
    checkReply(half.sta, 'redeem tickets', reply)
    return { sta: half.sta, data: parseResponseData(reply.body, half.sta), reply }
  }

  async #lookUp(id: string, which: Which): Promise<KnownSta> {
    try {
      return await this.#options.directory.choose(id)
    } catch (error) {
      this.#options.onLookupFailure?.(which)
      throw error
    }
  }

  /** Redeems the other half and throws it away. */
  async #spendOther(other: StaTicket, which: Which, ask: AskForData): Promise<void> {
    try {
      await this.#redeemHalf(other, which, ask, 'spend')
    } catch (error) {
      if (isFault(error, 'DH_TICKET_USED', 'DH_TICKET_EXPIRED', 'DH_TICKET_UNKNOWN')) return
      this.#options.onHalfLeft?.(other, error)
    }
  }

  /** False when one of them was remembered before. */
  async #remember(...halves: readonly StaTicket[]): Promise<boolean> {
    const { spent, rememberMilliseconds } = this.#options
    for (const half of halves) {
      if (!(await spent.spend(markOf(half), rememberMilliseconds))) return false
    }
    return true
  }
}

/** How a half is remembered without being kept: the SHA-256 of it as a ticket of its own. */
function markOf(half: StaTicket): string {
  return `ticket:${new Ticket(40, half).digest()}`
}

/** Whether the second STA may be asked: the first never got the request, or does not know the ticket. */
function fallsOver(error: unknown): boolean {
  return isFault(
    error,
    'DH_TICKET_UNKNOWN',
    'DH_STA_ID_UNKNOWN',
    'DH_STA_UNREACHABLE',
    'DH_SOCKS_UNREACHABLE',
  )
}

/** Tries the urls of an STA in order until one can be reached. @param askUrl asks at one of them */
export async function askFirstReachable(
  sta: KnownSta,
  askUrl: (url: URL) => Promise<StaReply>,
): Promise<StaReply> {
  const [url, ...others] = sta.urls
  if (url === undefined) throw fault('DH_STA_UNREACHABLE', { sta: sta.id ?? '', why: 'no url' })
  try {
    const reply = await askUrl(url)
    if (reply.status !== 200) checkReply(sta.id ?? url.host, 'redeem tickets', reply)
    return reply
  } catch (error) {
    if (others.length === 0 || !isFault(error, 'DH_STA_UNREACHABLE', 'DH_SOCKS_UNREACHABLE'))
      throw error
    return await askFirstReachable({ ...sta, urls: others }, askUrl)
  }
}
