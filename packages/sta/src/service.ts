import type { Authority } from '@doublehop/authority/authority'
import type { Logger } from '@doublehop/daemon/log'
import type { Metrics } from '@doublehop/daemon/metrics'
import { sameSecret } from '@doublehop/daemon/same-secret'
import { asFault, type Fault } from '@doublehop/errors/fault'
import { inNames, inNetworks, type Peers } from '@doublehop/settings/values'
import { isSessionId } from '@doublehop/wire/session-id'
import {
  encodeResponseData,
  encodeResponseRefresh,
  encodeResponseTicket,
  encodeStaError,
  parseStaRequest,
  type StaErrorId,
  type StaRequest,
} from '@doublehop/wire/sta-messages'
import { isAllZero } from '@doublehop/wire/ticket'

/** Who asks, as far as this connection shows. */
export interface Caller {
  readonly address: string
  /** it came over TLS */
  readonly secure: boolean
  /** certificate name; none over plain HTTP */
  readonly name?: string | undefined
  readonly serviceKey?: string | undefined
  readonly session?: string | undefined
}

/** An answer, before it is HTTP. */
export interface StaAnswer {
  readonly status: 200 | 400 | 403
  readonly body: Uint8Array
}

/** Who may ask what of the authority, and what is said of it in the log. */
export class StaService {
  readonly authority: Authority
  readonly #serviceKey: string
  readonly #lists: { readonly issuers: Peers; readonly redeemers: Peers }
  readonly #log: Logger
  readonly #requests
  readonly #metrics: Metrics

  constructor(
    authority: Authority,
    serviceKey: string,
    lists: { readonly issuers: Peers; readonly redeemers: Peers },
    log: Logger,
    metrics: Metrics,
  ) {
    this.authority = authority
    this.#serviceKey = serviceKey
    this.#lists = lists
    this.#log = log
    this.#metrics = metrics
    this.#requests = metrics.counter(
      'doublehop_sta_requests_total',
      'Requests answered, by type and outcome',
      ['type', 'outcome'],
    )
  }

  /** Answers one request. Never rejects: what goes wrong becomes an answer and a log line. */
  async answer(body: Uint8Array, caller: Caller): Promise<StaAnswer> {
    let request: StaRequest
    try {
      request = parseStaRequest(body)
    } catch (error) {
      return this.#refuse('unreadable', asFault(error), caller, 400, new Uint8Array(0))
    }
    if (!this.#mayAsk(request.type, caller)) return this.#forbid(request.type, caller)
    try {
      return { status: 200, body: await this.#perform(request, caller) }
    } catch (error) {
      const failure = asFault(error)
      return this.#refuse(
        request.type,
        failure,
        caller,
        200,
        encodeStaError(request.type, errorIdOf(failure)),
        request,
      )
    }
  }

  async #perform(request: StaRequest, caller: Caller): Promise<Uint8Array> {
    if (request.type === 'RequestTicket') {
      const ticket = await this.authority.issue(request.data, request.refreshable)
      this.#note('RequestTicket', 'ticket issued', caller, {
        ticket: String(ticket),
        refreshable: request.refreshable,
      })
      return encodeResponseTicket(ticket)
    }
    const { hex, sta } = request.ticket
    if (request.type === 'RefreshTicket') {
      const expiresAt = await this.authority.refresh(hex, sta)
      this.#note('RefreshTicket', 'ticket refreshed', caller, {})
      return encodeResponseRefresh(expiresAt)
    }
    const data = await this.authority.redeem(hex, sta)
    this.#note('RequestData', 'ticket redeemed', caller, {})
    return encodeResponseData(data)
  }

  /** Issuing wants the service key and the list of issuers, everything else the list of redeemers. */
  #mayAsk(type: StaRequest['type'], caller: Caller): boolean {
    if (type !== 'RequestTicket') return isListed(this.#lists.redeemers, caller)
    const isIssuer = isListed(this.#lists.issuers, caller)
    return isIssuer && sameSecret(caller.serviceKey ?? '', this.#serviceKey)
  }

  #forbid(type: StaRequest['type'], caller: Caller): StaAnswer {
    const who = caller.name ?? caller.address
    this.#requests.inc({ type, outcome: 'forbidden' })
    this.#metrics.failed('DH_STA_FORBIDDEN')
    const what =
      type === 'RequestTicket'
        ? 'issue (list of issuers, service key)'
        : 'redeem (list of redeemers)'
    this.#log.warn(
      { event: 'sta-refused', code: 'DH_STA_FORBIDDEN', type, ...about(caller) },
      `${type} refused: ${who} may not ${what}`,
    )
    return { status: 403, body: new Uint8Array(0) }
  }

  #refuse(
    type: string,
    failure: Fault,
    caller: Caller,
    status: StaAnswer['status'],
    body: Uint8Array,
    request?: StaRequest,
  ): StaAnswer {
    const { code, message, action } = failure
    if (request?.type !== 'RequestData' || !isAllZero(request.ticket.hex))
      this.#metrics.failed(code)
    this.#requests.inc({ type, outcome: code })
    const level = failure.fault === 'ours' ? 'error' : 'warn'
    this.#log[level]({ event: 'sta-refused', code, type, action, ...about(caller) }, message)
    return { status, body }
  }

  #note(type: StaRequest['type'], what: string, caller: Caller, details: object): void {
    this.#requests.inc({ type, outcome: 'ok' })
    this.#log.info({ event: what.replace(' ', '-'), ...about(caller), ...details }, what)
  }
}

function about({ address, name, session }: Caller): object {
  return {
    peer: address,
    ...(name !== undefined && { peerName: name }),
    ...(session !== undefined && isSessionId(session) && { session }),
  }
}

/** Over TLS the certificate says who asks; an address in a listed network is no substitute for one. */
function isListed({ names, networks }: Peers, { secure, name, address }: Caller): boolean {
  return secure ? inNames(names, name) : inNetworks(networks, address)
}

function errorIdOf({ code }: Fault): StaErrorId {
  if (code === 'DH_TICKET_USED') return 'ticket-used'
  if (code === 'DH_TICKET_EXPIRED') return 'ticket-expired'
  if (code === 'DH_TICKET_UNKNOWN') return 'ticket-unknown'
  if (code === 'DH_STA_FULL') return 'tickets-full'
  return 'service-unavailable'
}
