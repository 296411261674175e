import { type Fault, fault, isFault } from '@doublehop/errors/fault'
import { bytesOf, utf8 } from './text.ts'
import { isStaId, isTicketHex, parseTicket, StaTicket } from './ticket.ts'
import { child, type Element, type Markup, readXml, writeElement } from './xml.ts'

/** The Secure Ticket Authority's messages: XML over HTTP POST (docs/protocols.md, 1). */

/** Where an STA listens; any letter case. */
export const STA_PATH = '/Scripts/CtxSTA.dll'
/** How our STA tells its id, in its answer to a GET. */
export const AUTHORITY_HEADER = 'doublehop-authority'
/** The session in whose name a ticket is redeemed. */
export const SESSION_HEADER = 'doublehop-session'
/** `spend` on a redemption whose answer is thrown away: the other half of a `;42;`. It earns no grant. */
export const PURPOSE_HEADER = 'doublehop-purpose'
/** The grant that a proxy adds to the answer. */
export const GRANT_HEADER = 'doublehop-grant'
/** The shared key of who may issue. */
export const SERVICE_KEY_HEADER = 'x-citrix-xmlservicekey'
/** Neither request nor answer may be longer, in bytes. */
export const STA_LIMIT = 65_536

const DTD = { root: 'CtxSTAProtocol', system: 'CtxSTA.dtd' }
const MOST_VALUES = 100

/** What a ticket stands for: a bag of named values in order, unknown names and all. */
export type TicketData = readonly { readonly name: string; readonly value: string }[]

export type StaRequest =
  | { readonly type: 'RequestTicket'; readonly data: TicketData; readonly refreshable: boolean }
  | { readonly type: 'RequestData'; readonly ticket: RequestedTicket }
  | { readonly type: 'RefreshTicket'; readonly ticket: RequestedTicket }

/** A ticket as a request names it: bare digits, or a whole string with the id of the STA it believes in. */
export interface RequestedTicket {
  readonly hex: string
  readonly sta?: string
}

/** Why an STA refuses. The words are ours: the vendor's are not published. */
export type StaErrorId =
  | 'ticket-unknown'
  | 'ticket-used'
  | 'ticket-expired'
  | 'tickets-full'
  | 'service-unavailable'

/** Reads what a storefront or gateway asks. @throws Fault DH_XML, DH_STA_REQUEST, DH_TICKET_FORM */
export function parseStaRequest(body: Uint8Array): StaRequest {
  const [request, more] = readProtocol(body, badRequest).children
  if (request === undefined || more !== undefined) throw badRequest('not exactly one request')
  if (request.name === 'RequestTicket') {
    const refreshable = child(child(request, 'Control'), 'Refreshable')?.text.trim() ?? 'false'
    return {
      type: 'RequestTicket',
      data: readData(request, badRequest),
      refreshable: /^true$/i.test(refreshable),
    }
  }
  if (request.name === 'RequestData' || request.name === 'RefreshTicket') {
    return { type: request.name, ticket: readRequestedTicket(request) }
  }
  throw badRequest(`${request.name} is not spoken here`)
}

/** RequestTicket: please issue a ticket for this data. */
export function encodeRequestTicket(
  data: TicketData,
  options: { refreshable?: boolean } = {},
): Uint8Array {
  return protocol(
    writeElement(
      'RequestTicket',
      {},
      writeElement('AllowedTicketType', {}, 'STA-v4'),
      writeElement('AllowedAuthorityIDType', {}, 'STA-v1'),
      ticketData(data),
      ...(options.refreshable
        ? [writeElement('Control', {}, writeElement('Refreshable', {}, 'true'))]
        : []),
    ),
  )
}

/** RequestData: please redeem this ticket. */
export function encodeRequestData(ticket: RequestedTicket): Uint8Array {
  return protocol(writeElement('RequestData', {}, writeElement('Ticket', {}, nameTicket(ticket))))
}

/** RefreshTicket (ours): please let this refreshable ticket live on. */
export function encodeRefreshTicket(ticket: RequestedTicket): Uint8Array {
  return protocol(writeElement('RefreshTicket', {}, writeElement('Ticket', {}, nameTicket(ticket))))
}

/** ResponseTicket: the ticket that was issued. */
export function encodeResponseTicket(ticket: StaTicket): Uint8Array {
  return protocol(
    writeElement(
      'ResponseTicket',
      {},
      writeElement('AuthorityID', {}, ticket.sta),
      writeElement('Ticket', {}, ticket.reveal()),
      writeElement('TicketVersion', {}, '40'),
    ),
  )
}

/** ResponseData: what the redeemed ticket stands for. */
export function encodeResponseData(data: TicketData): Uint8Array {
  return protocol(
    writeElement('ResponseData', {}, writeElement('TicketVersion', {}, '40'), ticketData(data)),
  )
}

/** ResponseRefresh (ours): the ticket now lives until then. @param expiresAt ms since 1970 */
export function encodeResponseRefresh(expiresAt: number): Uint8Array {
  return protocol(
    writeElement('ResponseRefresh', {}, writeElement('Expires', {}, String(expiresAt))),
  )
}

const RESPONSES = {
  RequestTicket: 'ResponseTicket',
  RequestData: 'ResponseData',
  RefreshTicket: 'ResponseRefresh',
} as const

/** A refusal, in the response element of what was asked. */
export function encodeStaError(request: StaRequest['type'], errorId: StaErrorId): Uint8Array {
  return protocol(writeElement(RESPONSES[request], {}, writeElement('ErrorId', {}, errorId)))
}

/** Reads the answer to RequestTicket. @throws Fault DH_STA_ANSWER, or the refusal's own */
export function parseResponseTicket(body: Uint8Array, sta: string): StaTicket {
  const response = readResponse(body, 'ResponseTicket', sta)
  const id = child(response, 'AuthorityID')?.text.trim() ?? ''
  const hex = child(response, 'Ticket')?.text.trim() ?? ''
  if (!isStaId(id) || !isTicketHex(hex))
    throw fault('DH_STA_ANSWER', { sta, why: 'no AuthorityID and Ticket' })
  return new StaTicket(id, hex)
}

/** Reads the answer to RequestData. @throws Fault DH_STA_ANSWER, DH_TICKET_UNKNOWN, _USED, _EXPIRED */
export function parseResponseData(body: Uint8Array, sta: string): TicketData {
  const response = readResponse(body, 'ResponseData', sta)
  if (child(response, 'TicketData') === undefined)
    throw fault('DH_STA_ANSWER', { sta, why: 'no TicketData' })
  return readData(response, badAnswer(sta))
}

/** Reads the answer to RefreshTicket: when the ticket ends now, in ms since 1970. @throws as parseResponseData */
export function parseResponseRefresh(body: Uint8Array, sta: string): number {
  const expires = child(readResponse(body, 'ResponseRefresh', sta), 'Expires')?.text.trim() ?? ''
  if (!/^\d{1,15}$/.test(expires)) throw fault('DH_STA_ANSWER', { sta, why: 'no Expires' })
  return Number(expires)
}

function readResponse(body: Uint8Array, name: string, sta: string): Element {
  const response = child(readAnswer(body, sta), name)
  if (response === undefined) throw fault('DH_STA_ANSWER', { sta, why: `no ${name}` })
  const errorId = child(response, 'ErrorId')?.text.trim()
  if (errorId !== undefined) throw refusal(errorId, sta)
  return response
}

/** What an STA answers without being XML is its fault, and nobody else's. */
function readAnswer(body: Uint8Array, sta: string): Element {
  const bad = badAnswer(sta)
  try {
    return readProtocol(body, bad)
  } catch (error) {
    throw isFault(error, 'DH_XML') ? bad(error.message) : error
  }
}

function refusal(errorId: string, sta: string) {
  if (errorId === 'ticket-used') return fault('DH_TICKET_USED', { sta })
  if (errorId === 'ticket-expired') return fault('DH_TICKET_EXPIRED', { sta })
  if (errorId === 'ticket-unknown') return fault('DH_TICKET_UNKNOWN', { sta })
  if (errorId === 'tickets-full') return fault('DH_STA_FULL', { limit: 'its limit of' })
  return fault('DH_STA_ANSWER', { sta, why: `it refuses with ${errorId}` })
}

function readProtocol(body: Uint8Array, bad: (why: string) => Fault): Element {
  const text = utf8(body)
  if (text === undefined) throw fault('DH_XML', { why: 'not UTF-8' })
  const root = readXml(text, DTD)
  if (root.name !== DTD.root) throw bad(`the root element is ${root.name}`)
  return root
}

function readRequestedTicket(request: Element): RequestedTicket {
  const text = child(request, 'Ticket')?.text.trim() ?? ''
  if (isTicketHex(text)) return { hex: text }
  const { version, primary } = parseTicket(text)
  if (version === 42) throw badRequest('a 42 ticket is redeemed half by half')
  return { hex: primary.reveal(), sta: primary.sta }
}

function nameTicket({ hex, sta }: RequestedTicket): string {
  return sta === undefined ? hex : `;40;${sta};${hex}`
}

function readData(parent: Element, bad: (why: string) => Fault): TicketData {
  const values = child(parent, 'TicketData')?.children.filter(({ name }) => name === 'Value') ?? []
  if (values.length > MOST_VALUES) throw bad(`more than ${MOST_VALUES} values`)
  return values.map(({ attributes, text }) => ({ name: attributes.name ?? '', value: text }))
}

function ticketData(data: TicketData): Markup {
  return writeElement(
    'TicketData',
    {},
    ...data.map(({ name, value }) => writeElement('Value', { name }, value)),
  )
}

function protocol(message: Markup): Uint8Array {
  const { markup } = writeElement(DTD.root, { version: '4.0' }, message)
  return bytesOf(
    `<?xml version="1.0"?>\n<!DOCTYPE ${DTD.root} SYSTEM "${DTD.system}">\n${markup}\n`,
  )
}

function badRequest(why: string) {
  return fault('DH_STA_REQUEST', { why })
}

function badAnswer(sta: string) {
  return (why: string) => fault('DH_STA_ANSWER', { sta, why })
}
