import { asFault } from '@doublehop/errors/fault'
import type { ProxySettings } from '@doublehop/settings/proxy'
import { staPlace } from '@doublehop/settings/sta-place'
import { askSta, type StaReply } from '@doublehop/sta-client/ask'
import type { StaCounters } from '@doublehop/sta-client/counters'
import { DirectAgents } from '@doublehop/sta-client/direct'
import { type KnownSta, StaDirectory } from '@doublehop/sta-client/directory'
import { identifySta } from '@doublehop/sta-client/identify'
import { askFirstReachable, Redeemer } from '@doublehop/sta-client/redeem'
import { canonicalHost, type Endpoint, sameEndpoint } from '@doublehop/wire/endpoint'
import { SESSION_HEADER } from '@doublehop/wire/sta-messages'
import type { LastingParts } from './lasting-parts.ts'

/** The Secure Ticket Authorities that this proxy reaches, over TLS connections of its own. */
export class Stas {
  readonly directory: StaDirectory
  readonly redeemer: Redeemer
  readonly #agents: DirectAgents
  readonly #limits: ProxySettings['limits']
  readonly #counters: StaCounters

  constructor(settings: ProxySettings, { spent, log, counters }: LastingParts) {
    const { limits } = settings
    this.#limits = limits
    this.#agents = new DirectAgents({
      identity: settings.identity,
      // A gateway waits for our answer as long as we may for the STA's. That it could not be reached must come sooner,
      // or no launch falls over to the second STA of a 42.
      dialMilliseconds: Math.min(limits.dial, limits.staRequest / 2),
      from: settings.addresses,
    })
    this.#counters = counters
    this.directory = new StaDirectory(settings.stas ?? [], (url) => this.identify(url))
    this.redeemer = new Redeemer({
      directory: this.directory,
      spent,
      rememberMilliseconds: REMEMBER,
      onLookupFailure: (ticket) => counters.staLookupFailures.inc({ ticket }),
      onHalfLeft: (ticket, error) =>
        log.warn(
          { event: 'half-left', ticket: String(ticket), code: asFault(error).code },
          'the other half of a 42 ticket could not be spent',
        ),
    })
  }

  /** The url of the STA that this destination is, if it is one. */
  at(destination: Endpoint): URL | undefined {
    const host = canonicalHost(destination.host)
    if (host === undefined) return
    return this.directory.all
      .flatMap(({ urls }) => urls)
      .find((url) => sameEndpoint(staPlace(url).at, { host, port: destination.port }))
  }

  /** Whether an STA with this url is configured. */
  lists({ href }: URL): boolean {
    return this.directory.all.some(({ urls }) => urls.some((url) => url.href === href))
  }

  /** Every place where an STA listens, as configured. */
  get endpoints(): Endpoint[] {
    return this.directory.all.flatMap(({ urls }) => urls.map((url) => staPlace(url).at))
  }

  identify(url: URL, signal?: AbortSignal): Promise<string | undefined> {
    return identifySta(url, {
      agent: this.#agents.for(url),
      ...this.#bounds,
      signal,
    })
  }

  /** Sends a RequestData to the STA at this url, in the name of a session. @throws Fault DH_STA_… */
  async ask(
    url: URL,
    body: Uint8Array,
    session: string,
    options: {
      signal?: AbortSignal | undefined
      onConnected?: ((reused: boolean) => void) | undefined
    } = {},
  ): Promise<StaReply> {
    const question = { sta: url.host, url, body, headers: { [SESSION_HEADER]: session } }
    const { staRequestsSent, staResponsesReceived } = this.#counters
    const reply = await askSta(question, {
      agent: this.#agents.for(url),
      ...this.#bounds,
      ...options,
      onConnected: (reused) => {
        staRequestsSent.inc()
        options.onConnected?.(reused)
      },
    })
    staResponsesReceived.inc()
    return reply
  }

  /** The same, at whichever url of this STA can be reached. */
  askAny(
    sta: KnownSta,
    body: Uint8Array,
    session: string,
    options: { signal?: AbortSignal; onConnected?: (reused: boolean) => void } = {},
  ): Promise<StaReply> {
    return askFirstReachable(sta, (url) => this.ask(url, body, session, options))
  }

  get #bounds() {
    return { milliseconds: this.#limits.staRequest, bytes: this.#limits.staRequestBytes }
  }

  close(): void {
    this.#agents.close()
  }
}

/** How long a `;42;` is remembered: a ticket lifetime, at its longest default. */
const REMEMBER = 600_000
