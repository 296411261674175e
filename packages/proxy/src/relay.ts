import type { IncomingMessage, ServerResponse } from 'node:http'
import { admit } from '@doublehop/daemon/admit'
import type { AuditEvent } from '@doublehop/daemon/audit'
import { HandedHttp } from '@doublehop/daemon/handed-http'
import { readBody } from '@doublehop/daemon/http-body'
import type { Leg } from '@doublehop/daemon/leg'
import type { Logger } from '@doublehop/daemon/log'
import { logStep } from '@doublehop/daemon/steps'
import { asFault, type Fault, fault, isFault } from '@doublehop/errors/fault'
import { checkReply, ERROR_HEADER } from '@doublehop/sta-client/ask'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { isSessionId } from '@doublehop/wire/session-id'
import { encodeReply, REPLY } from '@doublehop/wire/socks5-messages'
import type { ConnectRequest } from '@doublehop/wire/socks5-server'
import {
  AUTHORITY_HEADER,
  encodeRequestData,
  encodeResponseData,
  encodeStaError,
  GRANT_HEADER,
  PURPOSE_HEADER,
  parseResponseData,
  parseStaRequest,
  type RequestedTicket,
  SESSION_HEADER,
  STA_PATH,
  type StaErrorId,
  type TicketData,
} from '@doublehop/wire/sta-messages'
import { isAllZero } from '@doublehop/wire/ticket'
import { addressesOf, addressValues } from '@doublehop/wire/ticket-addresses'
import type { Grants } from './grants.ts'
import type { ProxyParts } from './parts.ts'
import { deny } from './refuse.ts'

/** A connection that a gateway has opened to this STA. */
interface RelayedHop {
  readonly leg: Leg
  readonly sta: URL
}

/**
 * What a gateway meets when it CONNECTs to an STA: not a tunnel but this application. It answers HTTP itself and lets
 * exactly GET (health and identity) and RequestData through, read, bounded and written anew. From a good answer it
 * mints the grant (docs/security.md). Nothing else of the STA can be reached from DMZ 1.
 */
export class StaRelay {
  readonly #parts: () => ProxyParts
  readonly #http: HandedHttp<RelayedHop>
  #draining = false

  /** @param parts those at work, which a reload changes */
  constructor(parts: () => ProxyParts) {
    this.#parts = parts
    const { staRequest } = parts().settings.limits
    this.#http = new HandedHttp(
      { requestMilliseconds: staRequest, headBytes: 4096 },
      (request, response, hop) => void this.#answer(request, response, hop),
      (failure, { leg }) => this.#note(leg, failure),
    )
  }

  /** Takes over a connection whose CONNECT named this STA. Both fields of its login are `-`: the certificate says who it is. */
  serve(leg: Leg, { credentials }: ConnectRequest, sta: URL): void {
    if (credentials?.username !== '-' || credentials.password !== '-') {
      // An STA is nobody's destination, with a grant or without: refused as any other address would be.
      const why = 'an STA is only reached with "-" as user name and password'
      const failure = fault('DH_DESTINATION_FORBIDDEN', { destination: sta.host, why })
      this.#note(leg, failure)
      void deny(leg)
      return
    }
    leg.write(encodeReply(REPLY.succeeded))
    this.#http.serve(leg, { leg, sta })
  }

  /** The configuration has changed. */
  renew(): void {
    this.#http.renew(this.#parts().settings.limits.staRequest)
  }

  /** Redeems no more: who would connect with the grant finds the port shut. */
  drain(): void {
    this.#draining = true
  }

  close(): void {
    this.#http.close()
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    hop: RelayedHop,
  ): Promise<void> {
    try {
      // Nothing was asked yet, so the gateway may go to another proxy with the same ticket.
      if (this.#draining) throw fault('DH_DRAINING', {})
      // Again: since it was let in there may have been a reload.
      const { settings, stas } = this.#parts()
      admit(hop.leg, settings.allow)
      if (!stas.lists(hop.sta)) throw notRelayed('an STA that is listed no more')
      if (request.url !== STA_PATH) throw notRelayed(`path ${request.url}`)
      if (request.method === 'GET') return await this.#identify(hop.sta, response)
      if (request.method === 'POST') return await this.#redeem(hop.leg, hop.sta, request, response)
      throw notRelayed(`method ${request.method}`)
    } catch (error) {
      const failure = asFault(error)
      this.#note(hop.leg, failure, sessionOf(request))
      const status = statusOf(failure)
      response
        .writeHead(status, {
          [ERROR_HEADER]: failure.code,
          'content-length': 0,
          ...((status < 500 || this.#draining) && { connection: 'close' }),
        })
        .end()
    }
  }

  /** GET: the 406 of a healthy STA, with its id. */
  async #identify(sta: URL, response: ServerResponse): Promise<void> {
    const id = await this.#parts().stas.identify(sta)
    response
      .writeHead(406, { ...(id !== undefined && { [AUTHORITY_HEADER]: id }), 'content-length': 0 })
      .end()
  }

  /** 3 redeem – the proxy passes the validation request to the STA, and its answer back with a grant. */
  async #redeem(
    leg: Leg,
    sta: URL,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const began = performance.now()
    const proxy = this.#parts()
    const { stas, metrics } = proxy
    const session = sessionOf(request)
    if (session === undefined) throw notRelayed('without Doublehop-Session')
    const ticket = await readRequestData(request, proxy.settings.limits.staRequestBytes)
    const log = this.#log(leg).child({ session })
    const audit = this.#auditFor(leg, session, sta)

    const reply = await stas.ask(sta, encodeRequestData(ticket), session)
    checkReply(sta.host, 'redeem tickets', reply)
    const answer = (body: Uint8Array, headers: object = {}): void => {
      response
        .writeHead(200, { 'content-type': 'text/xml', 'content-length': body.length, ...headers })
        .end(body)
    }
    try {
      const data = parseResponseData(reply.body, sta.host)
      if (request.headers[PURPOSE_HEADER] === 'spend') {
        log.info({ event: 'half-spent' }, 'the other half of a 42 ticket is spent')
        return answer(encodeResponseData([]))
      }
      logStep(log, 'redeem', 'proxy → sta', 'ticket known, unused', began)
      metrics.stepTook('redeem', (performance.now() - began) / 1000)
      audit('ticket-redeemed')
      const grant = mint(proxy.grants, session, leg, data, audit)
      answer(encodeResponseData(addressValues(data)), grant)
    } catch (error) {
      const errorId = errorIdOf(error)
      if (errorId === undefined) throw error
      const { code, action, message } = asFault(error)
      // Of the other half of a 42 ticket nobody wants anything: used or forgotten is as good as spent.
      if (request.headers[PURPOSE_HEADER] !== 'spend') {
        log.warn({ event: 'ticket-refused', code, action }, message)
        audit('ticket-refused', { code })
        if (!isAllZero(ticket.hex)) metrics.failed(code)
      }
      answer(encodeStaError('RequestData', errorId))
    }
  }

  #auditFor(leg: Leg, session: string, sta: URL) {
    const who = { session, peer: formatEndpoint(leg.peer), peerName: leg.peer.name, sta: sta.host }
    return (event: AuditEvent, fields: object = {}): void =>
      this.#parts().audit(event, { ...who, ...fields })
  }

  #log(leg: Leg): Logger {
    return this.#parts().log.child({ peer: formatEndpoint(leg.peer), peerName: leg.peer.name })
  }

  #note(leg: Leg, failure: Fault, session?: string): void {
    const { code, action, message } = failure
    this.#parts().metrics.failed(code)
    this.#log(leg).warn({ event: 'relay-refused', session, code, action }, message)
  }
}

/** In whose name a gateway asks, where it says so. */
function sessionOf({ headers }: IncomingMessage): string | undefined {
  const session = headers[SESSION_HEADER]
  return typeof session === 'string' && isSessionId(session) ? session : undefined
}

/** A ticket whose addresses cannot be read grants nothing; the gateway will say what is wrong with it. */
function mint(
  grants: Grants,
  session: string,
  leg: Leg,
  data: TicketData,
  audit: (event: AuditEvent, fields: object) => void,
): object {
  try {
    const addresses = addressesOf(data)
    const grant = grants.mint(session, leg, addresses)
    audit('grant-minted', { servers: Object.values(addresses).map(formatEndpoint) })
    return { [GRANT_HEADER]: grant }
  } catch (error) {
    if (!isFault(error, 'DH_TICKET_ADDRESS')) throw error
    audit('grant-refused', { code: error.code })
    return {}
  }
}

/** The body of a POST, if it is a RequestData and nothing else. @throws Fault DH_RELAY_REQUEST, DH_XML, DH_STA_REQUEST */
async function readRequestData(request: IncomingMessage, limit: number): Promise<RequestedTicket> {
  if (request.headers['transfer-encoding'] !== undefined) throw notRelayed('a chunked body')
  const body = await readBody(request, limit)
  if (body === undefined)
    throw notRelayed(`a body that breaks off or is longer than ${limit} bytes`)
  const message = parseStaRequest(body)
  if (message.type !== 'RequestData') throw notRelayed(message.type)
  return message.ticket
}

function notRelayed(why: string): Fault {
  return fault('DH_RELAY_REQUEST', { why })
}

function errorIdOf(error: unknown): StaErrorId | undefined {
  if (isFault(error, 'DH_TICKET_USED')) return 'ticket-used'
  if (isFault(error, 'DH_TICKET_EXPIRED')) return 'ticket-expired'
  if (isFault(error, 'DH_TICKET_UNKNOWN')) return 'ticket-unknown'
  return undefined
}

/** 4xx is the gateway's fault, 5xx the STA's or ours. */
function statusOf({ code, class: kind }: Fault): number {
  if (code === 'DH_DRAINING') return 503
  if (code === 'DH_STA_FORBIDDEN') return 502
  if (kind === 'timeout') return 504
  if (code.startsWith('DH_STA_') && code !== 'DH_STA_REQUEST') return 502
  return kind === 'internal' ? 500 : 403
}
