import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody } from '@doublehop/daemon/http-body'
import type { Logger } from '@doublehop/daemon/log'
import type { Metrics } from '@doublehop/daemon/metrics'
import { UnderWay } from '@doublehop/daemon/under-way'
import { asFault } from '@doublehop/errors/fault'
import type { StorefrontSettings } from '@doublehop/settings/storefront'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { utf8 } from '@doublehop/wire/text'
import { LAUNCH_PORTS } from '@doublehop/wire/ticket-addresses'
import { z } from 'zod'
import type { TicketIssuer } from './ticket-issuer.ts'

const BODY_LIMIT = 4096
const TicketRequest = z.strictObject({ app: z.string().max(63) })

/** The storefront's HTTP: `GET /apps` and `POST /tickets`, for who shows the bearer token. */
export class StorefrontApi {
  readonly #settings: StorefrontSettings
  readonly #issuer: TicketIssuer
  readonly #tokenDigest: string
  readonly #log: Logger
  readonly #requests
  readonly #underWay = new UnderWay()

  constructor(settings: StorefrontSettings, issuer: TicketIssuer, log: Logger, metrics: Metrics) {
    this.#settings = settings
    this.#issuer = issuer
    this.#tokenDigest = settings.tokenDigest.reveal('storefront.tokenDigest').toLowerCase()
    this.#log = log
    this.#requests = metrics.counter(
      'doublehop_http_requests_total',
      'Requests answered, by route and status',
      ['route', 'status'],
    )
  }

  get underWay(): number {
    return this.#underWay.count
  }

  /** Answers one request. @param client who asked, as the gateway says */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    client: Endpoint | undefined,
  ): Promise<void> {
    this.#underWay.begin()
    const route = routeOf(request)
    try {
      const [status, body] = await this.#route(route, request, client)
      this.#requests.inc({ route, status })
      send(response, status, body)
    } catch (error) {
      const { code, message, action } = asFault(error)
      this.#log.error(
        { event: 'request-failed', code, route, peer: client && formatEndpoint(client), action },
        message,
      )
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

  async #route(
    route: string,
    request: IncomingMessage,
    client: Endpoint | undefined,
  ): Promise<[number, object]> {
    if (route === 'other')
      return [404, problem('not-found', 'here are GET /apps and POST /tickets')]
    if (!this.#knows(request.headers.authorization))
      return [401, problem('unauthorized', 'show the bearer token')]
    if (route === 'GET /apps') return [200, { apps: this.#settings.apps.map(describe) }]
    return await this.#issueTicket(request, client)
  }

  async #issueTicket(
    request: IncomingMessage,
    client: Endpoint | undefined,
  ): Promise<[number, object]> {
    const wanted = await readTicketRequest(request)
    if (wanted === undefined)
      return [400, problem('bad-request', 'send {"app":"NAME"} as application/json')]
    const app = this.#settings.apps.find(({ name }) => name === wanted)
    if (app === undefined)
      return [404, problem('app-unknown', 'no app of this name is published: see GET /apps')]
    const { ticket, expiresAt } = await this.#issuer.issue(app)
    this.#log.info(
      {
        event: 'ticket-issued',
        app: app.name,
        ticket: String(ticket),
        peer: client && formatEndpoint(client),
      },
      `ticket for ${app.name} issued`,
    )
    return [201, { ticket: ticket.reveal(), expires: new Date(expiresAt).toISOString() }]
  }

  /** Compared as digests: neither the token nor how much of it was right shows in the time it takes. */
  #knows(authorization = ''): boolean {
    const [, token = ''] = /^Bearer ([A-Za-z0-9._~+/-]{1,512}=*)$/i.exec(authorization) ?? []
    const given = createHash('sha256').update(token).digest()
    const wanted = Buffer.from(this.#tokenDigest, 'hex')
    return wanted.length === given.length && timingSafeEqual(given, wanted)
  }
}

/** What is asked for, as one of few words: it becomes a metric's label. */
function routeOf({ method, url }: IncomingMessage): string {
  const route = `${method} ${url}`
  return route === 'GET /apps' || route === 'POST /tickets' ? route : 'other'
}

async function readTicketRequest(request: IncomingMessage): Promise<string | undefined> {
  const body = await readBody(request, BODY_LIMIT)
  const text = body && utf8(body)
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
