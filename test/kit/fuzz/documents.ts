import assert from 'node:assert/strict'
import { formatIcaFile, parseIcaFile } from '@doublehop/wire/ica-file'
import {
  encodeRefreshTicket,
  encodeRequestData,
  encodeRequestTicket,
  encodeResponseData,
  encodeResponseRefresh,
  encodeResponseTicket,
  encodeStaError,
  parseResponseData,
  parseResponseRefresh,
  parseResponseTicket,
  parseStaRequest,
  STA_LIMIT,
  type StaRequest,
} from '@doublehop/wire/sta-messages'
import { bytesOf } from '@doublehop/wire/text'
import { parseTicket, StaTicket } from '@doublehop/wire/ticket'
import { readXml } from '@doublehop/wire/xml'
import { type Parser, textOf, verdictOf } from './parser.ts'
import { TICKET_42, TICKETS } from './samples.ts'

const HEX = '6C0EE48D2E8CADFEE6D1EB93BFB52A57'
const DTD = { root: 'CtxSTAProtocol', system: 'CtxSTA.dtd' }
const DATA = [
  { name: 'ICAAddress', value: '10.0.0.5:1494' },
  { name: 'CGPAddress', value: '[2001:db8::5]:2598:localhost:1494' },
  {
    name: 'XData',
    value: '<?xml version="1.0"?><CtxConnInfo><UserName>a&b</UserName></CtxConnInfo>',
  },
  { name: 'Büro', value: ']]>\r\n\t"' },
]
const REQUESTS = [
  encodeRequestTicket(DATA),
  encodeRequestTicket(DATA.slice(0, 1), { refreshable: true }),
  encodeRequestData({ hex: HEX }),
  encodeRequestData({ hex: HEX, sta: 'STA01' }),
  encodeRefreshTicket({ hex: HEX }),
]
const ISSUED = encodeResponseTicket(new StaTicket('STA01', HEX))
const REDEEMED = encodeResponseData(DATA)
const REFRESHED = encodeResponseRefresh(1_700_000_000_000)
const ERRORS = (['RequestTicket', 'RequestData', 'RefreshTicket'] as const).flatMap((request) =>
  (['ticket-unknown', 'ticket-used', 'tickets-full', 'service-unavailable'] as const).map(
    (errorId) => encodeStaError(request, errorId),
  ),
)
const ODD = [
  '<?xml version="1.0"?><!-- x --><CtxSTAProtocol a="1"><![CDATA[<b>]]>&#65;&amp;<b/></CtxSTAProtocol>',
  '<!DOCTYPE CtxSTAProtocol [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><CtxSTAProtocol>&c;</CtxSTAProtocol>',
  '\ufeff<CtxSTAProtocol><a><b><c>x</c></b></a></CtxSTAProtocol>',
].map(bytesOf)
const ICA_FILES = [
  ...[TICKETS[3] ?? '', TICKET_42].flatMap((ticket) =>
    (['socks', 'cgp'] as const).map((protocol) =>
      formatIcaFile({
        app: 'Büro 2',
        ticket: parseTicket(ticket),
        gateway: { host: 'gateway.example', port: 443 },
        protocol,
        port: protocol === 'cgp' ? 2598 : 1494,
      }),
    ),
  ),
].map(bytesOf)

/** Readers of whole documents. */
export const documents: readonly Parser[] = [
  {
    name: 'XML reader',
    share: 6,
    longest: STA_LIMIT,
    corpus: [...REQUESTS, ISSUED, REDEEMED, REFRESHED, ...ODD],
    judge: (input, dice) => verdictOf(() => readXml(textOf(input, dice), DTD)),
  },
  {
    name: 'request to an STA',
    share: 8,
    longest: STA_LIMIT,
    corpus: REQUESTS,
    judge: (input) =>
      verdictOf(() => {
        const request = parseStaRequest(input)
        assert.deepEqual(parseStaRequest(written(request)), request)
        return request
      }),
  },
  answer('answer to RequestTicket', ISSUED, (body) => parseResponseTicket(body, 'STA01')),
  answer('answer to RequestData', REDEEMED, (body) => {
    const data = parseResponseData(body, 'STA01')
    assert.deepEqual(parseResponseData(encodeResponseData(data), 'STA01'), data)
    return data
  }),
  answer('answer to RefreshTicket', REFRESHED, (body) => parseResponseRefresh(body, 'STA01')),
  {
    name: 'ICA file',
    share: 5,
    longest: STA_LIMIT + 100,
    corpus: ICA_FILES,
    judge: (input, dice) =>
      verdictOf(() => {
        const launch = parseIcaFile(textOf(input, dice))
        assert.equal(launch.ticket.reveal(), parseTicket(launch.ticket.reveal()).reveal())
        return launch
      }),
  },
]

/** Half of what it is given began as the answer it wants, half as refusals and as answers to something else. */
function answer(name: string, wanted: Uint8Array, read: (body: Uint8Array) => unknown): Parser {
  const others = [ISSUED, REDEEMED, REFRESHED, ...ERRORS]
  const judge: Parser['judge'] = (input) => verdictOf(() => read(input))
  return {
    name,
    share: 3.5,
    longest: STA_LIMIT,
    corpus: [...others, ...others.map(() => wanted)],
    judge,
  }
}

function written(request: StaRequest): Uint8Array {
  if (request.type === 'RequestTicket')
    return encodeRequestTicket(request.data, { refreshable: request.refreshable })
  if (request.type === 'RequestData') return encodeRequestData(request.ticket)
  return encodeRefreshTicket(request.ticket)
}
