import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Surroundings } from '@doublehop/daemon/daemon'
import { HandedHttp } from '@doublehop/daemon/handed-http'
import { noteHandshakeFailures } from '@doublehop/daemon/handshake-failures'
import { bodyTooLong, readBody } from '@doublehop/daemon/http-body'
import type { Leg } from '@doublehop/daemon/leg'
import { type Listener, type ListenTerms, listen } from '@doublehop/daemon/listen'
import { SessionLimit } from '@doublehop/daemon/session-limit'
import { secureContextOptions } from '@doublehop/daemon/tls'
import { UnderWay } from '@doublehop/daemon/under-way'
import type { Settings } from '@doublehop/settings/schema'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import {
  AUTHORITY_HEADER,
  SERVICE_KEY_HEADER,
  SESSION_HEADER,
  STA_PATH,
} from '@doublehop/wire/sta-messages'
import type { Caller, StaService } from './service.ts'

type StaSettings = NonNullable<Settings['sta']>

/** What answers requests at this moment; a reload changes it. */
export interface StaParts {
  readonly settings: StaSettings
  readonly service: StaService
}

/** The STA's listeners: HTTPS, and plain HTTP where it is asked for. Both speak the same; only HTTPS knows its callers by certificate. */
export class StaHttp {
  readonly at: Record<string, Endpoint> = {}
  readonly #parts: () => StaParts
  readonly #surroundings: Surroundings
  readonly #limit: SessionLimit
  readonly #http: HandedHttp<Leg>
  readonly #requests = new UnderWay()
  readonly #listeners: Listener[] = []
  readonly #open = new Map<Leg, Date>()
  readonly #onFailure

  constructor(parts: () => StaParts, surroundings: Surroundings) {
    const { limits } = parts().settings
    this.#parts = parts
    this.#surroundings = surroundings
    this.#onFailure = noteHandshakeFailures(surroundings.log, surroundings.metrics)
    this.#limit = new SessionLimit(sessionLimits(limits))
    this.#http = new HandedHttp(
      { requestMilliseconds: limits.request, headBytes: 8192 },
      (request, response, leg) => {
        this.#requests.begin()
        response.once('close', () => this.#requests.end())
        void this.#answer(request, response, leg)
      },
      (failure, { peer }) => this.#onFailure(failure, peer),
    )
  }

  /** @throws Fault DH_LISTEN, DH_CERTIFICATE */
  async open(): Promise<void> {
    const { settings } = this.#parts()
    if (settings.listen !== undefined)
      await this.#listen('listen', settings.listen, this.secureTerms(settings))
    if (settings.listenHttp !== undefined)
      await this.#listen('listenHttp', settings.listenHttp, this.#terms(settings))
    this.#warn()
  }

  /** How callers are let in by HTTPS. @throws Fault DH_CERTIFICATE */
  secureTerms(settings: StaSettings): ListenTerms {
    const tls = secureContextOptions(settings.identity)
    // Who shows no certificate may still ask whether the STA lives.
    return {
      ...this.#terms(settings),
      tls: { ...tls, requestCert: true, rejectUnauthorized: false },
    }
  }

  /** The configuration has changed. @param terms made from it by `secureTerms` */
  renew(terms: ListenTerms): void {
    const { limits } = this.#parts().settings
    this.#limit.limits = sessionLimits(limits)
    this.#http.renew(limits.request)
    for (const listener of this.#listeners) listener.renew(terms)
    this.#warn()
  }

  /** As /sessions shows them. */
  get handshakes(): object[] {
    return this.#listeners.flatMap(({ handshakes }) => handshakes.toJSON())
  }

  get connections(): object[] {
    return [...this.#open].map(([{ peer }, since]) => ({
      peer: formatEndpoint(peer),
      ...(peer.name && { peerName: peer.name }),
      since: since.toISOString(),
    }))
  }

  /** Requests are waited for, not connections: those that peers keep would last as long as they like. */
  drain(milliseconds: number): Promise<boolean> {
    for (const listener of this.#listeners) listener.stop()
    return this.#requests.over(milliseconds)
  }

  close(): void {
    for (const listener of this.#listeners) listener.stop()
    for (const leg of this.#open.keys()) leg.destroy()
    this.#http.close()
  }

  async #listen(name: string, on: Endpoint, terms: ListenTerms): Promise<void> {
    const listener = await listen({
      name,
      on,
      ...terms,
      onLeg: (leg, handshake) => {
        handshake.finish()
        this.#serve(leg)
      },
      onFailure: this.#onFailure,
    })
    this.#listeners.push(listener)
    this.at[name] = listener.at
  }

  #serve(leg: Leg): void {
    const refused = this.#limit.refusal(leg.peer.host)
    if (refused !== undefined) {
      this.#onFailure(refused, leg.peer)
      leg.destroy()
      return
    }
    this.#limit.enter(leg)
    this.#open.set(leg, new Date())
    leg.gone.addEventListener('abort', () => this.#open.delete(leg))
    this.#http.serve(leg, leg)
  }

  /** GET tells that the STA is there and its id, with the 406 that load balancers look for; POST asks it. */
  async #answer(request: IncomingMessage, response: ServerResponse, leg: Leg): Promise<void> {
    const { service, settings } = this.#parts()
    if (request.url?.toLowerCase() !== STA_PATH.toLowerCase()) return end(response, 404)
    if (request.method === 'GET')
      return end(response, 406, { [AUTHORITY_HEADER]: service.authority.id })
    if (request.method !== 'POST') return end(response, 405, { allow: 'GET, POST' })
    if (!/^text\/xml\b/i.test(request.headers['content-type'] ?? '')) return end(response, 415)
    const body = await readBody(request, settings.limits.requestBytes)
    if (body === undefined) {
      const tooLong = bodyTooLong(request, settings.limits.requestBytes)
      if (tooLong !== undefined) this.#onFailure(tooLong, leg.peer)
      return end(response, 413)
    }
    const { status, body: xml } = await service.answer(body, callerOf(request, leg))
    response
      .writeHead(status, {
        'content-type': 'text/xml',
        'content-length': xml.length,
        ...endsIt(status),
      })
      .end(xml)
  }

  #terms({ limits }: StaSettings): ListenTerms {
    return {
      handshakeMilliseconds: limits.tlsHandshake,
      handshakes: limits,
      keep: 65_536,
      connections: limits.connections + limits.handshakes,
      refusal: ({ host }) => this.#limit.refusal(host),
    }
  }

  #warn(): void {
    if (this.#parts().settings.listenHttp === undefined) return
    const about = { event: 'insecure' }
    this.#surroundings.log.warn(
      about,
      'plain HTTP is open: whoever sits in a listed network may ask',
    )
  }
}

function sessionLimits({ connections, connectionsPerSource }: StaSettings['limits']) {
  return { sessions: connections, sessionsPerSource: connectionsPerSource }
}

function callerOf({ headers }: IncomingMessage, { peer }: Leg): Caller {
  const text = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  return {
    address: peer.host,
    secure: peer.tls !== undefined,
    name: peer.name,
    distrust: peer.distrust,
    serviceKey: text(SERVICE_KEY_HEADER),
    session: text(SESSION_HEADER),
  }
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-length': 0, ...endsIt(status), ...headers }).end()
}

/** What stands behind a refused request is not heard. The 406 of a GET is none: load balancers look for it. */
function endsIt(status: number): { connection?: 'close' } {
  return status >= 400 && status !== 406 ? { connection: 'close' } : {}
}
