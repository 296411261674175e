import { identity } from '@doublehop/settings/values'
import { askSta, checkReply, type StaReply } from '@doublehop/sta-client/ask'
import { DirectAgents } from '@doublehop/sta-client/direct'
import { requestTicket } from '@doublehop/sta-client/issue'
import {
  encodeRefreshTicket,
  encodeRequestData,
  parseResponseData,
  parseResponseRefresh,
  SERVICE_KEY_HEADER,
  type TicketData,
} from '@doublehop/wire/sta-messages'
import type { StaTicket } from '@doublehop/wire/ticket'
import type { Test } from 'tap'
import type { House, Running } from './house.ts'

/** A thousand questions at once take their time on a machine that has other things to do. */
const PATIENCE = 30_000

/** Who asks an STA without a daemon around it: with the certificate of a storefront, a proxy, or anybody. */
export class StaCaller {
  readonly #agents: DirectAgents
  readonly #house: House

  /** @param role whose certificate it shows */
  constructor(test: Test, house: House, role: string) {
    this.#house = house
    this.#agents = new DirectAgents({
      identity: identity(house.folder).parse(house.identity(role)),
      dialMilliseconds: PATIENCE,
    })
    test.teardown(() => this.#agents.close())
  }

  /** A ticket for this data. @throws Fault DH_STA_… */
  issue(
    sta: Running,
    data: TicketData,
    options: { refreshable?: boolean } = {},
  ): Promise<StaTicket> {
    const url = urlOf(sta)
    return requestTicket(url, data, this.#serviceKey, {
      agent: this.#agents.for(url),
      milliseconds: PATIENCE,
      ...options,
    })
  }

  /** Redeems a ticket. @throws Fault DH_TICKET_…, DH_STA_… */
  async redeem(sta: Running, hex: string): Promise<TicketData> {
    const reply = await this.ask(sta, encodeRequestData({ hex }))
    checkReply('STA', 'redeem tickets', reply)
    return parseResponseData(reply.body, 'STA')
  }

  /** Refreshes a ticket, and tells when it ends. @throws Fault DH_TICKET_…, DH_STA_… */
  async refresh(sta: Running, hex: string): Promise<number> {
    const reply = await this.ask(sta, encodeRefreshTicket({ hex }))
    checkReply('STA', 'refresh tickets', reply)
    return parseResponseRefresh(reply.body, 'STA')
  }

  /** Sends this body, with the service key. */
  ask(sta: Running, body: Uint8Array): Promise<StaReply> {
    const url = urlOf(sta)
    const headers = { [SERVICE_KEY_HEADER]: this.#serviceKey }
    return askSta(
      { sta: 'STA', url, body, headers },
      { agent: this.#agents.for(url), milliseconds: PATIENCE },
    )
  }

  get #serviceKey(): string {
    return this.#house.read('sta/service.key')
  }
}

/** What became of a redemption: the data, or the code of its refusal. */
export async function outcome<T>(asked: Promise<T>): Promise<T | string> {
  return await asked.catch((error) => (error as { code?: string }).code ?? String(error))
}

function urlOf(sta: Running): URL {
  return new URL(`https://${sta.where()}`)
}
