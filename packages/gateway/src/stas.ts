import type { Logger } from '@doublehop/daemon/log'
import { type Repeated, repeat } from '@doublehop/daemon/repeat'
import type { Session } from '@doublehop/daemon/session'
import { asFault, fault, isFault } from '@doublehop/errors/fault'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import { type AskOptions, askSta, type StaReply } from '@doublehop/sta-client/ask'
import { type KnownSta, StaDirectory } from '@doublehop/sta-client/directory'
import { identifySta } from '@doublehop/sta-client/identify'
import { askFirstReachable, type Redeemed, Redeemer } from '@doublehop/sta-client/redeem'
import { PURPOSE_HEADER, SESSION_HEADER } from '@doublehop/wire/sta-messages'
import type { Ticket } from '@doublehop/wire/ticket'
import type { GatewayCounters } from './counters.ts'
import type { LastingParts } from './lasting-parts.ts'
import type { NextHop } from './next-hop.ts'
import type { NextHops } from './next-hops.ts'
import { StaAgent } from './sta-agent.ts'

/** How often STAs are asked for their ids. */
const ASK_EVERY_MILLISECONDS = 10_000
/** How long a `;42;` is remembered whose other half could not be spent: a ticket lifetime, at its longest default. */
const REMEMBER_MILLISECONDS = 600_000

/** Which hop and STA a redemption has reached. */
export interface RedeemWatch {
  onConnected(hop: NextHop, sta: string, reused: boolean): void
}

/** The Secure Ticket Authorities, as the gateway reaches them: only ever through a next hop. */
export class Stas {
  readonly #settings: GatewaySettings
  readonly #nextHops: NextHops
  readonly #counters: GatewayCounters
  readonly #agents: ReadonlyMap<NextHop, { readonly http: StaAgent; readonly https: StaAgent }>
  readonly #directory: StaDirectory
  readonly #redeemer: Redeemer
  readonly #reachable = new Map<string, boolean>()
  readonly #doubts = new Map<string, string>()
  readonly #log: Logger
  #asking: Repeated | undefined

  constructor(
    settings: GatewaySettings,
    nextHops: NextHops,
    { counters, log, spent }: LastingParts,
  ) {
    this.#settings = settings
    this.#nextHops = nextHops
    this.#counters = counters
    this.#log = log
    this.#agents = new Map(
      nextHops.all.map((hop) => [
        hop,
        {
          http: new StaAgent(hop, settings, counters, false),
          https: new StaAgent(hop, settings, counters, true),
        },
      ]),
    )
    this.#directory = new StaDirectory(settings.stas, (url) => this.#identify(url))
    this.#redeemer = new Redeemer({
      directory: this.#directory,
      spent,
      rememberMilliseconds: REMEMBER_MILLISECONDS,
      onLookupFailure: (ticket) => counters.staLookupFailures.inc({ ticket }),
      onHalfLeft: (ticket, error) =>
        log.warn(
          { event: 'half-left', ticket: String(ticket), code: asFault(error).code },
          'the other half of a 42 ticket could not be spent',
        ),
    })
  }

  /** Redeems a ticket in the name of a session. @throws Fault DH_TICKET_…, DH_STA_…, DH_HOP_… */
  redeem(
    ticket: Ticket,
    session: Session,
    signal: AbortSignal,
    watch: RedeemWatch,
  ): Promise<Redeemed> {
    return this.#redeemer.redeem(ticket, (sta, body, purpose) =>
      // The other half of a 42 is spent when the launch has what it needs, and outlives its signal.
      purpose === 'launch'
        ? this.#askAny(sta, body, session, signal, watch)
        : this.#askAny(sta, body, session, undefined, undefined),
    )
  }

  /** Urls that did not answer when they were asked for their id last, nor a launch since. */
  silent(): string[] {
    return [...this.#reachable].filter(([, reachable]) => !reachable).map(([url]) => url)
  }

  /** Learns the ids of the STAs now, and again and again. */
  watch(): void {
    this.#asking = repeat(ASK_EVERY_MILLISECONDS, () => this.#directory.refresh())
  }

  /** Asks by itself no more; connections that launches leave behind close when they were unused for a while. */
  retire(): void {
    this.#asking?.stop()
  }

  close(): void {
    this.#asking?.stop()
    for (const { http, https } of this.#agents.values()) {
      http.destroy()
      https.destroy()
    }
  }

  #askAny(
    sta: KnownSta,
    body: Uint8Array,
    session: Session,
    signal: AbortSignal | undefined,
    watch: RedeemWatch | undefined,
  ): Promise<StaReply> {
    return this.#nextHops.firstReachable((hop) =>
      askFirstReachable(sta, async (url) => {
        const question = {
          sta: sta.id ?? url.host,
          url,
          body,
          headers: {
            [SESSION_HEADER]: session.id,
            ...(watch === undefined && { [PURPOSE_HEADER]: 'spend' }),
          },
        }
        const reply = await askSta(question, {
          ...this.#through(hop, url, signal),
          onConnected: (reused) => {
            this.#counters.staRequestsSent.inc()
            watch?.onConnected(hop, question.sta, reused)
          },
        })
        this.#counters.staResponsesReceived.inc()
        this.#reachable.set(url.href, true)
        return reply
      }),
    )
  }

  async #identify(url: URL): Promise<string | undefined> {
    let hopName = ''
    try {
      const id = await this.#nextHops.firstReachable((hop) => {
        hopName = hop.name
        return identifySta(url, this.#through(hop, url))
      })
      this.#reachable.set(url.href, true)
      const configured = this.#configuredId(url)
      const differs = id !== undefined && configured !== undefined && id !== configured
      this.#doubt(
        url,
        differs ? `${url.host} is listed as ${configured} and calls itself ${id}` : '',
      )
      return id
    } catch (error) {
      if (isFault(error)) this.#reachable.set(url.href, false)
      if (isFault(error, 'DH_SOCKS_DENIED'))
        this.#doubt(url, `${hopName} does not list ${url.host}`)
      throw error
    }
  }

  #configuredId(url: URL): string | undefined {
    return this.#settings.stas.find(({ urls }) =>
      urls.some((one) => new URL(one).href === url.href),
    )?.id
  }

  /** Warns when it is new that launches with tickets of this STA cannot go right. @param why empty when all is well */
  #doubt(url: URL, why: string): void {
    if ((this.#doubts.get(url.href) ?? '') === why) return
    this.#doubts.set(url.href, why)
    if (why === '') return
    const { code, message, action } = fault('DH_STA_LISTS', { why })
    this.#log.warn({ event: 'sta-lists-differ', code, action }, message)
  }

  /** Our proxy makes the TLS connection to an https STA itself; over a foreign hop it is made end to end. */
  #through(hop: NextHop, url: URL, signal?: AbortSignal): AskOptions {
    const agents = this.#agents.get(hop)
    if (agents === undefined) throw new Error('a hop without agents')
    const endToEnd = hop.kind === 'socks5' && url.protocol === 'https:'
    return {
      agent: endToEnd ? agents.https : agents.http,
      milliseconds: this.#settings.limits.staRequest,
      bytes: this.#settings.limits.staAnswerBytes,
      signal,
    }
  }
}
