import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Audit } from '@doublehop/daemon/audit'
import type { Surroundings } from '@doublehop/daemon/daemon'
import { reached } from '@doublehop/daemon/denial'
import type { FailureDelay } from '@doublehop/daemon/failure-delay'
import { bodyTooLong, readBody } from '@doublehop/daemon/http-body'
import type { Leg } from '@doublehop/daemon/leg'
import type { Logger } from '@doublehop/daemon/log'
import type { Metrics } from '@doublehop/daemon/metrics'
import { UnderWay } from '@doublehop/daemon/under-way'
import { asFault, type Fault } from '@doublehop/errors/fault'
import type { StorefrontSettings } from '@doublehop/settings/storefront'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { utf8 } from '@doublehop/wire/text'
import { LAUNCH_PORTS } from '@doublehop/wire/ticket-addresses'
import { z } from 'zod'
import type { StorefrontParts } from './parts.ts'

const TicketRequest = z.strictObject({ app: z.string().max(63) })

/** Who asks. */
export interface Caller {
  /** the gateway's connection */
  readonly leg: Leg
  /** whose request it carries; none when the gateway itself looks whether we are alive */
  readonly client: Endpoint | undefined
}

/** The storefront's HTTP: `GET /apps` and `POST /tickets`, for who shows the bearer token. */
export class StorefrontApi {
  readonly #parts: () => StorefrontParts
  readonly #failures: FailureDelay
  readonly #log: Logger
  readonly #audit: Audit
  readonly #metrics: Metrics
  readonly #requests
  readonly #underWay = new UnderWay()

  /** @param parts those at work, which a reload changes */
  constructor(
    parts: () => StorefrontParts,
    failures: FailureDelay,
    { log, audit, metrics }: Surroundings,
  ) {
    this.#parts = parts
    this.#failures = failures
    this.#log = log
    this.#audit = audit
    this.#metrics = metrics
    this.#requests = metrics.counter(
      'doublehop_http_requests_total',
      'Requests answered, by route and status',
      ['route', 'status'],
    )
  }

  get underWay(): number {
    return this.#underWay.count
  }

  /** Answers one request. */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    { leg, client }: Caller,
  ): Promise<void> {
    this.#underWay.begin()
    const route = routeOf(request)
    try {
      const [status, body] = await this.#route(route, request, client)
      if (status === 401 && client !== undefined) await this.#holdRefusal(leg, client)
      this.#requests.inc({ route, status })
      send(response, status, body)
    } catch (error) {
      const { code, message, action } = asFault(error)
      this.#log.error(
        { event: 'request-failed', code, route, peer: client && formatEndpoint(client), action },
        message,
      )
      this.#metrics.failed(code)
      this.#requests.inc({ route, status: 503 })
      // What went wrong inside is for the log; the internet learns that it did.
      send(
        response,
        503,
        problem('service-unavailable', 'no ticket can be issued at the moment: try again later'),
      )
    } finally {
      this.#underWay.end()
    }
  }

  /** Waits until every request is answered, for so long at most. True when it is. */
  drained(milliseconds: number): Promise<boolean> {
    return this.#underWay.over(milliseconds)
  }

  /** Who guesses tokens waits longer and longer, as long as a request may take at most. */
  #holdRefusal(leg: Leg, client: Endpoint): Promise<void> {
    const { request } = this.#parts().settings.limits
    return reached(leg, performance.now() + Math.min(this.#failures.failed(client.host), request))
  }

  async #route(
    route: string,
    request: IncomingMessage,
    client: Endpoint | undefined,
  ): Promise<[number, object]> {
    if (route === 'other')
      return [404, problem('not-found', 'here are GET /apps and POST /tickets')]
    const { settings, tokenDigest } = this.#parts()
    if (!knows(tokenDigest, request.headers.authorization))
      return [401, problem('unauthorized', 'show the bearer token')]
    if (route === 'GET /apps') return [200, { apps: settings.apps.map(describe) }]
    return await this.#issueTicket(request, client)
  }

  /** @param failure undefined for a body that broke off, which is nobody's fault but its sender's */
  #noteBody(failure: Fault | undefined, client: Endpoint | undefined): void {
    if (failure === undefined) return
    const { code, message, action } = failure
    const peer = client && formatEndpoint(client)
    this.#log.warn({ event: 'request-refused', code, peer, action }, message)
    this.#metrics.failed(code)
  }

  async #issueTicket(
    request: IncomingMessage,
    client: Endpoint | undefined,
  ): Promise<[number, object]> {
    const { settings, issuer } = this.#parts()
    const { requestBytes } = settings.limits
    const body = await readBody(request, requestBytes)
    if (body === undefined) this.#noteBody(bodyTooLong(request, requestBytes), client)
    const wanted = body && readTicketRequest(request, body)
    if (wanted === undefined)
      return [400, problem('bad-request', 'send {"app":"NAME"} as application/json')]
    const app = settings.apps.find(({ name }) => name === wanted)
    if (app === undefined)
      return [404, problem('app-unknown', 'no app of this name is published: see GET /apps')]
    const { ticket, expiresAt } = await issuer.issue(app)
    const issued = {
      app: app.name,
      ticket: String(ticket),
      ...(client && { peer: formatEndpoint(client) }),
    }
    this.#audit('ticket-issued', issued)
    this.#log.info({ event: 'ticket-issued', ...issued }, `ticket for ${app.name} issued`)
    return [201, { ticket: ticket.reveal(), expires: new Date(expiresAt).toISOString() }]
  }
}

/** Compared as digests: neither the token nor how much of it was right shows in the time it takes. */
function knows(tokenDigest: string, authorization = ''): boolean {
  const [, token = ''] = /^Bearer ([A-Za-z0-9._~+/-]{1,512}=*)$/i.exec(authorization) ?? []
  const given = createHash('sha256').update(token).digest()
  const wanted = Buffer.from(tokenDigest, 'hex')
  return wanted.length === given.length && timingSafeEqual(given, wanted)
}

/** What is asked for, as one of few words: it becomes a metric's label. */
function routeOf({ method, url }: IncomingMessage): string {
  const route = `${method} ${url}`
  return route === 'GET /apps' || route === 'POST /tickets' ? route : 'other'
}

function readTicketRequest(request: IncomingMessage, body: Uint8Array): string | undefined {
  const text = utf8(body)
  if (text === undefined || !/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    return
  try {
    return TicketRequest.parse(JSON.parse(text)).app
  } catch {
    return undefined
  }
}

/** An app as clients see it: never its addresses. */
function describe({
  name,
  description,
  cgpAddress,
  icaAddress,
}: StorefrontSettings['apps'][number]): object {
  const ports = [
    ...(cgpAddress ? [LAUNCH_PORTS.cgp] : []),
    ...(icaAddress ? [LAUNCH_PORTS.ica] : []),
  ]
  return { name, ...(description !== undefined && { description }), ports }
}

function problem(error: string, message: string): object {
  return { error, message }
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(status >= 400 && { connection: 'close' }),
    })
    .end(text)
}
