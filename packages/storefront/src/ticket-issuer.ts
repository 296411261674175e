import type { Logger } from '@doublehop/daemon/log'
import { asFault, type Fault, fault } from '@doublehop/errors/fault'
import type { StorefrontSettings } from '@doublehop/settings/storefront'
import type { StaSettings } from '@doublehop/settings/values'
import type { AskOptions } from '@doublehop/sta-client/ask'
import { DirectAgents } from '@doublehop/sta-client/direct'
import { identifySta } from '@doublehop/sta-client/identify'
import { requestTicket } from '@doublehop/sta-client/issue'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import type { TicketData } from '@doublehop/wire/sta-messages'
import { type StaTicket, Ticket, type TicketVersion } from '@doublehop/wire/ticket'

type App = StorefrontSettings['apps'][number]

/** Has STAs issue the tickets of launches; holds the service key. */
export class TicketIssuer {
  readonly #settings: StorefrontSettings
  readonly #log: Logger
  readonly #agents: DirectAgents
  readonly #serviceKey: string
  readonly #silent = new Set<StaSettings>()
  readonly #asking = new Set<StaSettings>()

  constructor(settings: StorefrontSettings, log: Logger) {
    this.#settings = settings
    this.#log = log
    this.#serviceKey = settings.serviceKey.reveal('storefront.serviceKey')
    this.#agents = new DirectAgents({
      identity: settings.identity,
      dialMilliseconds: settings.limits.staRequest,
      from: settings.addresses,
    })
  }

  /** A ticket for one launch of this app. @throws Fault DH_STA_… when no STA issues one */
  async issue(app: App): Promise<{ ticket: Ticket; expiresAt: number }> {
    const version = this.#settings.ticketVersion
    const expiresAt = Date.now() + this.#settings.ticketLifetime
    const [primary, redundant] = await this.#issueAt(version === 42 ? 2 : 1, dataOf(app))
    if (primary === undefined)
      throw fault('DH_STA_UNREACHABLE', { sta: 'any', why: 'none is configured' })
    // With one STA down a 42 has no second half; a 40 still launches.
    const effective: TicketVersion = version === 42 && redundant === undefined ? 40 : version
    return { ticket: new Ticket(effective, primary, redundant), expiresAt }
  }

  /** STAs that did not issue when they were asked last. */
  silent(): string[] {
    return [...this.#silent].map(({ urls }) => urls[0] ?? '')
  }

  close(): void {
    this.#agents.close()
  }

  /** Up to `count` tickets from as many STAs, in the order of the list. @throws Fault of the last STA when none issues */
  async #issueAt(count: number, data: TicketData): Promise<StaTicket[]> {
    const tickets: StaTicket[] = []
    let last: Fault | undefined
    for (const sta of this.#inOrder()) {
      if (tickets.length === count) break
      // One half is enough to launch with: no user waits for an STA that was silent last time.
      if (tickets.length > 0 && this.#silent.has(sta)) {
        void this.#askAgain(sta)
        continue
      }
      try {
        tickets.push(await this.#issueAtOne(sta, data))
        this.#silent.delete(sta)
      } catch (error) {
        last = asFault(error)
        this.#silent.add(sta)
        this.#log.warn(
          { event: 'sta-failed', sta: sta.id ?? sta.urls[0], code: last.code, action: last.action },
          last.message,
        )
      }
    }
    if (tickets.length === 0 && last !== undefined) throw last
    return tickets
  }

  /** Looks whether it answers again, behind the back of whoever wants a ticket; one look at a time. */
  async #askAgain(sta: StaSettings): Promise<void> {
    if (this.#asking.has(sta)) return
    this.#asking.add(sta)
    const looks = sta.urls.map((text) => {
      const url = new URL(text)
      return identifySta(url, this.#bounds(url))
    })
    await Promise.any(looks).then(
      () => this.#silent.delete(sta),
      () => {},
    )
    this.#asking.delete(sta)
  }

  #bounds(url: URL): AskOptions {
    const { staRequest, staAnswerBytes } = this.#settings.limits
    return { agent: this.#agents.for(url), milliseconds: staRequest, bytes: staAnswerBytes }
  }

  async #issueAtOne({ urls }: StaSettings, data: TicketData): Promise<StaTicket> {
    let last: unknown
    for (const text of urls) {
      const url = new URL(text)
      try {
        return await requestTicket(url, data, this.#serviceKey, this.#bounds(url))
      } catch (error) {
        last = error
      }
    }
    throw last
  }

  /** One that failed last time is asked after the others. */
  #inOrder(): StaSettings[] {
    const { stas } = this.#settings
    return [
      ...stas.filter((sta) => !this.#silent.has(sta)),
      ...stas.filter((sta) => this.#silent.has(sta)),
    ]
  }
}

function dataOf({ name, cgpAddress, icaAddress }: App): TicketData {
  return [
    ...(icaAddress ? [{ name: 'ICAAddress', value: formatEndpoint(icaAddress) }] : []),
    ...(cgpAddress ? [{ name: 'CGPAddress', value: formatEndpoint(cgpAddress) }] : []),
    { name: 'ApplicationName', value: name },
  ]
}
