import type { Authority } from '@doublehop/authority/authority'
import type { Audit } from '@doublehop/daemon/audit'
import type { Logger } from '@doublehop/daemon/log'
import type { Counter, Metrics } from '@doublehop/daemon/metrics'
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

type StaEvent = 'ticket-issued' | 'ticket-redeemed' | 'ticket-refreshed'

/** Who asks, as far as this connection shows. */
export interface Caller {
  readonly address: string
  /** it came over TLS */
  readonly secure: boolean
  /** certificate name; none over plain HTTP */
  readonly name?: string | undefined
  /** why the certificate it showed counts for nothing */
  readonly distrust?: string | undefined
  readonly serviceKey?: string | undefined
  readonly session?: string | undefined
}

/** An answer, before it is HTTP. */
export interface StaAnswer {
  readonly status: 200 | 400 | 403
  readonly body: Uint8Array
}

/** Where requests are counted and written down; a reload does not change it. */
export interface StaBooks {
  readonly log: Logger
  readonly audit: Audit
  readonly metrics: Metrics
  /** requests answered, by type and outcome */
  readonly requests: Counter<'type' | 'outcome'>
}

/** Who may ask what of the authority, and what is said of it in the log. */
export class StaService {
  readonly authority: Authority
  readonly #serviceKey: string
  readonly #lists: { readonly issuers: Peers; readonly redeemers: Peers }
  readonly #books: StaBooks

  constructor(
    authority: Authority,
    serviceKey: string,
    lists: { readonly issuers: Peers; readonly redeemers: Peers },
    books: StaBooks,
  ) {
    this.authority = authority
    this.#serviceKey = serviceKey
    this.#lists = lists
    this.#books = books
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
      this.#note('ticket-issued', 'RequestTicket', caller, {
        ticket: String(ticket),
        refreshable: request.refreshable,
      })
      return encodeResponseTicket(ticket)
    }
    const { hex, sta } = request.ticket
    if (request.type === 'RefreshTicket') {
      const expiresAt = await this.authority.refresh(hex, sta)
      this.#note('ticket-refreshed', 'RefreshTicket', caller, {})
      return encodeResponseRefresh(expiresAt)
    }
    const data = await this.authority.redeem(hex, sta)
    this.#note('ticket-redeemed', 'RequestData', caller, {})
    return encodeResponseData(data)
  }

  /** Issuing wants the service key and the list of issuers, everything else the list of redeemers. */
  #mayAsk(type: StaRequest['type'], caller: Caller): boolean {
    if (type !== 'RequestTicket') return isListed(this.#lists.redeemers, caller)
    const isIssuer = isListed(this.#lists.issuers, caller)
    return isIssuer && sameSecret(caller.serviceKey ?? '', this.#serviceKey)
  }

  #forbid(type: StaRequest['type'], caller: Caller): StaAnswer {
    const { requests, metrics, log, audit } = this.#books
    const distrust = caller.distrust === undefined ? '' : ` (its certificate: ${caller.distrust})`
    const who = `${caller.name ?? caller.address}${distrust}`
    requests.inc({ type, outcome: 'forbidden' })
    metrics.failed('DH_STA_FORBIDDEN')
    audit('ticket-refused', { code: 'DH_STA_FORBIDDEN', request: type, ...about(caller) })
    const what =
      type === 'RequestTicket'
        ? 'issue (list of issuers, service key)'
        : 'redeem (list of redeemers)'
    log.warn(
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
    const { requests, metrics, log, audit } = this.#books
    if (request?.type !== 'RequestData' || !isAllZero(request.ticket.hex)) metrics.failed(code)
    requests.inc({ type, outcome: code })
    if (request !== undefined) audit('ticket-refused', { code, request: type, ...about(caller) })
    const level = failure.fault === 'ours' ? 'error' : 'warn'
    log[level]({ event: 'sta-refused', code, type, action, ...about(caller) }, message)
    return { status, body }
  }

  #note(event: StaEvent, type: StaRequest['type'], caller: Caller, details: object): void {
    const { requests, log, audit } = this.#books
    const fields = { ...about(caller), ...details }
    requests.inc({ type, outcome: 'ok' })
    if (event !== 'ticket-refreshed') audit(event, fields)
    log.info({ event, ...fields }, event.replace('-', ' '))
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
