import type { Logger } from '@doublehop/daemon/log'
import type { Metrics } from '@doublehop/daemon/metrics'
import type { SpentMarks } from '@doublehop/daemon/spent'
import { asFault } from '@doublehop/errors/fault'
import type { ProxySettings } from '@doublehop/settings/proxy'
import { askSta, type StaReply } from '@doublehop/sta-client/ask'
import { DirectAgents } from '@doublehop/sta-client/direct'
import { type KnownSta, StaDirectory } from '@doublehop/sta-client/directory'
import { identifySta } from '@doublehop/sta-client/identify'
import { askFirstReachable, Redeemer } from '@doublehop/sta-client/redeem'
import { canonicalHost, type Endpoint, sameEndpoint } from '@doublehop/wire/endpoint'
import { SESSION_HEADER } from '@doublehop/wire/sta-messages'

/** The Secure Ticket Authorities that this proxy reaches, over TLS connections of its own. */
export class Stas {
  readonly directory: StaDirectory
  readonly redeemer: Redeemer
  readonly #agents: DirectAgents
  readonly #milliseconds: number
  readonly #asked

  constructor(settings: ProxySettings, spent: SpentMarks, log: Logger, metrics: Metrics) {
    const { limits } = settings
    this.#milliseconds = limits.staRequest
    this.#agents = new DirectAgents({
      identity: settings.identity,
      dialMilliseconds: limits.dial,
      from: settings.addresses,
    })
    this.#asked = metrics.counter(
      'doublehop_sta_requests_sent_total',
      'STA requests sent, by outcome',
      ['outcome'],
    )
    this.directory = new StaDirectory(settings.stas ?? [], (url) => this.identify(url))
    const lookupFailures = metrics.counter(
      'doublehop_sta_lookup_failures_total',
      'STA server lookup failures for the id in the primary or redundant ticket',
      ['ticket'],
    )
    this.redeemer = new Redeemer({
      directory: this.directory,
      spent,
      rememberMilliseconds: REMEMBER,
      onLookupFailure: (ticket) => lookupFailures.inc({ ticket }),
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
      .find((url) => sameEndpoint(endpointOf(url), { host, port: destination.port }))
  }

  /** Every place where an STA listens, as configured. */
  get endpoints(): Endpoint[] {
    return this.directory.all.flatMap(({ urls }) => urls.map(endpointOf))
  }

  identify(url: URL, signal?: AbortSignal): Promise<string | undefined> {
    return identifySta(url, {
      agent: this.#agents.for(url),
      milliseconds: this.#milliseconds,
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
    try {
      const reply = await askSta(question, {
        agent: this.#agents.for(url),
        milliseconds: this.#milliseconds,
        ...options,
      })
      this.#asked.inc({ outcome: String(reply.status) })
      return reply
    } catch (error) {
      this.#asked.inc({ outcome: asFault(error).code })
      throw error
    }
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

  close(): void {
    this.#agents.close()
  }
}

/** How long a `;42;` is remembered: a ticket lifetime, at its longest default. */
const REMEMBER = 600_000

export function endpointOf(url: URL): Endpoint {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return {
    host: canonicalHost(host) ?? host,
    port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
  }
}
