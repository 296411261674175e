import assert from 'node:assert/strict'
import { type Code, catalogue } from '@doublehop/errors/catalogue'
import { isFault } from '@doublehop/errors/fault'
import fc from 'fast-check'
import t from 'tap'
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
  type RequestedTicket,
  STA_LIMIT,
  type StaErrorId,
  type StaRequest,
  type TicketData,
} from '../src/sta-messages.ts'
import { bytesOf } from '../src/text.ts'
import { StaTicket } from '../src/ticket.ts'
import * as arbitrary from './arbitraries.ts'
import { cpuTime } from './cpu.ts'
import { holds, throwsOnlyFaults } from './property.ts'

const HEX = '6C0EE48D2E8CADFEE6D1EB93BFB52A57'
const STA = 'STA01'

const head = '<?xml version="1.0"?>\n<!DOCTYPE CtxSTAProtocol SYSTEM "CtxSTA.dtd">\n'
const document = (inner: string) =>
  bytesOf(`${head}<CtxSTAProtocol version="4.0">\n${inner}\n</CtxSTAProtocol>\n`)

// ── documents as they are seen in the field ──

t.test('a portal asks for a ticket', async (t) => {
  const request = parseStaRequest(
    document(`<RequestTicket>
<AllowedTicketType>STA-v4</AllowedTicketType>
<AllowedAuthorityIDType>STA-v1</AllowedAuthorityIDType>
<TicketData>
<Value name="ICAAddress">10.0.0.5:1494</Value>
<Value name="CGPAddress">10.0.0.5:2598</Value>
<Value name="XData">&lt;?xml version="1.0"?&gt;&lt;CtxConnInfo version="1.0"&gt;&lt;ServerAddress&gt;10.0.0.5&lt;/ServerAddress&gt;&lt;UserName&gt;j&#252;rgen&lt;/UserName&gt;&lt;/CtxConnInfo&gt;</Value>
</TicketData>
<Control><Refreshable>true</Refreshable></Control>
</RequestTicket>`),
  )
  t.same(request, {
    type: 'RequestTicket',
    data: [
      { name: 'ICAAddress', value: '10.0.0.5:1494' },
      { name: 'CGPAddress', value: '10.0.0.5:2598' },
      {
        name: 'XData',
        value:
          '<?xml version="1.0"?><CtxConnInfo version="1.0"><ServerAddress>10.0.0.5</ServerAddress><UserName>jürgen</UserName></CtxConnInfo>',
      },
    ],
    refreshable: true,
  })
})

t.test(
  'a gateway asks for the data of a ticket, by its digits or by the whole string',
  async (t) => {
    const ask = (ticket: string) =>
      parseStaRequest(document(`<RequestData><Ticket>${ticket}</Ticket></RequestData>`))
    t.same(ask(HEX), { type: 'RequestData', ticket: { hex: HEX } })
    t.same(ask(`\n ${HEX} \n`), { type: 'RequestData', ticket: { hex: HEX } })
    t.same(ask(`;40;STA475DE9C8ABDA;${HEX}`), {
      type: 'RequestData',
      ticket: { hex: HEX, sta: 'STA475DE9C8ABDA' },
    })
    t.same(ask(`;10;STA02;${HEX}`), { type: 'RequestData', ticket: { hex: HEX, sta: 'STA02' } })
  },
)

t.test('a ticket is refreshable where it says so, in any letter case', async (t) => {
  const ask = (control: string) =>
    parseStaRequest(document(`<RequestTicket><TicketData/>${control}</RequestTicket>`))
  const refreshable = (text: string) => ask(`<Control><Refreshable>${text}</Refreshable></Control>`)
  for (const yes of ['true', 'True', ' TRUE '])
    t.match(refreshable(yes), { refreshable: true }, yes)
  for (const no of ['', 'false', '1', 'truely', 'untrue']) {
    t.match(refreshable(no), { refreshable: false }, no)
  }
  t.match(ask(''), { refreshable: false })
  t.match(ask('<Refreshable>true</Refreshable>'), { refreshable: false }, 'only under Control')
})

t.test('an STA answers with a ticket', async (t) => {
  const ticket = parseResponseTicket(
    document(`<ResponseTicket>
<AuthorityID>STA475DE9C8ABDA</AuthorityID>
<Ticket>${HEX}</Ticket>
<TicketVersion>40</TicketVersion>
</ResponseTicket>`),
    STA,
  )
  t.equal(ticket.sta, 'STA475DE9C8ABDA')
  t.equal(ticket.reveal(), HEX)
})

t.test('an STA answers with the data of a ticket', async (t) => {
  const answer = document(`<ResponseData>
<TicketVersion>40</TicketVersion>
<TicketData>
<Value name="CGPAddress">10.0.0.5:2598:localhost:1494</Value>
<Value name="ICAAddress">10.0.0.5:1494</Value>
<Value name="Unheard.Of">  kept  </Value>
</TicketData>
</ResponseData>`)
  t.same(parseResponseData(answer, STA), [
    { name: 'CGPAddress', value: '10.0.0.5:2598:localhost:1494' },
    { name: 'ICAAddress', value: '10.0.0.5:1494' },
    { name: 'Unheard.Of', value: '  kept  ' },
  ])
})

t.test('an answer without a DOCTYPE line, or with a byte order mark, is read too', async (t) => {
  const bare = `<CtxSTAProtocol><ResponseData><TicketData/></ResponseData></CtxSTAProtocol>`
  t.same(parseResponseData(bytesOf(bare), STA), [])
  t.same(parseResponseData(bytesOf(`\ufeff${bare}`), STA), [])
})

t.test('what we write has the line that clients strip, and nothing to resolve', async (t) => {
  const written = new TextDecoder().decode(
    encodeRequestTicket([{ name: 'CGPAddress', value: 'a:1' }]),
  )
  t.equal(
    written,
    `${head}<CtxSTAProtocol version="4.0"><RequestTicket><AllowedTicketType>STA-v4</AllowedTicketType><AllowedAuthorityIDType>STA-v1</AllowedAuthorityIDType><TicketData><Value name="CGPAddress">a:1</Value></TicketData></RequestTicket></CtxSTAProtocol>\n`,
  )
})

t.test('what our STA answers tells the version of a v4 ticket', async (t) => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  t.match(
    text(encodeResponseTicket(new StaTicket('STA1', HEX))),
    `<ResponseTicket><AuthorityID>STA1</AuthorityID><Ticket>${HEX}</Ticket><TicketVersion>40</TicketVersion></ResponseTicket>`,
  )
  t.match(
    text(encodeResponseData([])),
    '<ResponseData><TicketVersion>40</TicketVersion><TicketData></TicketData></ResponseData>',
  )
})

t.test('space around what an STA answers is not part of it, but for the values', async (t) => {
  const spaced = `<ResponseTicket><AuthorityID>\n STA1 </AuthorityID><Ticket> ${HEX}\n</Ticket></ResponseTicket>`
  t.equal(parseResponseTicket(document(spaced), STA).reveal(), HEX)
  const refresh = '<ResponseRefresh><Expires>\n 5 \n</Expires></ResponseRefresh>'
  t.equal(parseResponseRefresh(document(refresh), STA), 5)
  const used = '<ResponseData><ErrorId>\n ticket-used \n</ErrorId></ResponseData>'
  t.throws(() => parseResponseData(document(used), STA), { code: 'DH_TICKET_USED' })
})

// ── what is refused ──

t.test('a request that is none is refused', async (t) => {
  const requests = {
    'no request': '',
    'two requests': `<RequestData><Ticket>${HEX}</Ticket></RequestData><RequestData/>`,
    'another request': '<RequestReconnect/>',
    'a request in another case': `<requestdata><Ticket>${HEX}</Ticket></requestdata>`,
    'an answer': `<ResponseData><TicketData/></ResponseData>`,
    '101 values': `<RequestTicket><TicketData>${'<Value name="a">b</Value>'.repeat(101)}</TicketData></RequestTicket>`,
    'a 42 ticket': `<RequestData><Ticket>;42;STA1;${HEX};STA2;${HEX}</Ticket></RequestData>`,
  }
  for (const [what, inner] of Object.entries(requests)) {
    t.throws(() => parseStaRequest(document(inner)), { code: 'DH_STA_REQUEST' }, what)
  }
  t.throws(
    () =>
      parseStaRequest(
        bytesOf(
          `<NFuseProtocol><RequestData><Ticket>${HEX}</Ticket></RequestData></NFuseProtocol>`,
        ),
      ),
    { code: 'DH_STA_REQUEST' },
    'another protocol',
  )
  t.equal(
    parseStaRequest(
      document(`<RequestTicket><TicketData>${'<Value/>'.repeat(100)}</TicketData></RequestTicket>`),
    ).type,
    'RequestTicket',
  )
})

t.test('a ticket that is none is refused', async (t) => {
  const tickets = [
    '',
    '<Ticket/>',
    '<Ticket>;40;STA1;0</Ticket>',
    `<Ticket>${HEX.toLowerCase()}</Ticket>`,
    `<ticket>${HEX}</ticket>`,
  ]
  for (const ticket of tickets) {
    t.throws(
      () => parseStaRequest(document(`<RequestData>${ticket}</RequestData>`)),
      { code: 'DH_TICKET_FORM' },
      ticket,
    )
  }
})

t.test('bytes that are not UTF-8 are refused, whatever the document declares', async (t) => {
  const latin1 = Buffer.from(
    '<?xml version="1.0" encoding="ISO-8859-1"?><CtxSTAProtocol>\xfc</CtxSTAProtocol>',
    'latin1',
  )
  t.throws(() => parseStaRequest(latin1), { code: 'DH_XML', message: /UTF-8/ })
  const utf16 = Buffer.from('\ufeff<CtxSTAProtocol/>', 'utf16le')
  t.throws(() => parseStaRequest(utf16), { code: 'DH_XML' })
  t.throws(() => parseResponseData(latin1, STA), { code: 'DH_STA_ANSWER', message: /UTF-8/ })
})

t.test('entities and an internal DTD are refused', async (t) => {
  const evil =
    '<!DOCTYPE CtxSTAProtocol SYSTEM "CtxSTA.dtd" [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
  const body = `<CtxSTAProtocol><RequestData><Ticket>&x;</Ticket></RequestData></CtxSTAProtocol>`
  t.throws(() => parseStaRequest(bytesOf(`${evil}${body}`)), { code: 'DH_XML' })
  t.throws(() => parseStaRequest(document('').subarray(0, -20)), { code: 'DH_XML' })
})

t.test('a refusal of the STA is told by its own code', async (t) => {
  const codes: Record<StaErrorId, Code> = {
    'ticket-unknown': 'DH_TICKET_UNKNOWN',
    'ticket-used': 'DH_TICKET_USED',
    'ticket-expired': 'DH_TICKET_EXPIRED',
    'tickets-full': 'DH_STA_FULL',
    'service-unavailable': 'DH_STA_ANSWER',
  }
  const answers = {
    RequestTicket: parseResponseTicket,
    RequestData: parseResponseData,
    RefreshTicket: parseResponseRefresh,
  }
  for (const [errorId, code] of Object.entries(codes) as [StaErrorId, Code][]) {
    for (const [request, parse] of Object.entries(answers) as [
      StaRequest['type'],
      typeof parseResponseData,
    ][]) {
      const body = encodeStaError(request, errorId)
      const details = code === 'DH_STA_FULL' ? { limit: 'its limit of' } : { sta: STA }
      t.throws(() => parse(body, STA), { code, details }, `${request}: ${errorId}`)
    }
  }
  const strange = document('<ResponseData><ErrorId>made-up</ErrorId><TicketData/></ResponseData>')
  t.throws(() => parseResponseData(strange, STA), { code: 'DH_STA_ANSWER', message: /made-up/ })
  const empty = document('<ResponseData><ErrorId/><TicketData/></ResponseData>')
  t.throws(
    () => parseResponseData(empty, STA),
    { code: 'DH_STA_ANSWER' },
    'an empty ErrorId is a refusal',
  )
})

t.test('an answer that is none is the fault of the STA', async (t) => {
  const answers = {
    'another root': bytesOf('<html/>'),
    'an answer under another root': bytesOf(
      '<Other><ResponseData><TicketData/></ResponseData></Other>',
    ),
    'no answer': document(''),
    'the answer to something else': encodeResponseTicket(new StaTicket('STA1', HEX)),
    'no data': document('<ResponseData><TicketVersion>40</TicketVersion></ResponseData>'),
    '101 values': encodeResponseData(
      Array.from({ length: 101 }, () => ({ name: 'a', value: 'b' })),
    ),
  }
  for (const [what, body] of Object.entries(answers)) {
    t.throws(
      () => parseResponseData(body, STA),
      { code: 'DH_STA_ANSWER', details: { sta: STA } },
      what,
    )
  }
  for (const inner of [
    '<ResponseTicket/>',
    `<ResponseTicket><Ticket>${HEX}</Ticket></ResponseTicket>`,
    '<ResponseTicket><AuthorityID>STA1</AuthorityID></ResponseTicket>',
    `<ResponseTicket><AuthorityID>STA-1</AuthorityID><Ticket>${HEX}</Ticket></ResponseTicket>`,
    '<ResponseTicket><AuthorityID>STA1</AuthorityID><Ticket>0</Ticket></ResponseTicket>',
  ]) {
    t.throws(() => parseResponseTicket(document(inner), STA), { code: 'DH_STA_ANSWER' }, inner)
  }
  for (const expires of ['', '-1', '1e3', '0x1', '9'.repeat(16), 'soon']) {
    const body = document(`<ResponseRefresh><Expires>${expires}</Expires></ResponseRefresh>`)
    t.throws(() => parseResponseRefresh(body, STA), { code: 'DH_STA_ANSWER' }, expires)
  }
})

t.test('64 KiB of values are read at once', async (t) => {
  const data = Array.from({ length: 100 }, (_, at) => ({
    name: `n${at}`,
    value: '\n<&>'.repeat(30),
  }))
  const body = encodeResponseData(data)
  t.ok(body.length > 56_000 && body.length < STA_LIMIT, `${body.length}`)
  t.ok(cpuTime(() => t.same(parseResponseData(body, STA), data)) < 1000)
})

// ── what is written reads the same ──

holds<[TicketData, boolean]>(
  t,
  'a bag of values reaches the STA unchanged: unknown names, their order, every character of XML',
  [arbitrary.ticketData, fc.boolean()],
  (data, refreshable) => {
    assert.deepEqual(parseStaRequest(encodeRequestTicket(data, { refreshable })), {
      type: 'RequestTicket',
      data,
      refreshable,
    })
  },
)

holds<[TicketData]>(t, 'and comes back from it unchanged', [arbitrary.ticketData], (data) => {
  assert.deepEqual(parseResponseData(encodeResponseData(data), STA), data)
})

holds<[StaTicket, boolean]>(
  t,
  'a ticket that is asked about arrives as it was named',
  [arbitrary.staTicket, fc.boolean()],
  (ticket, named) => {
    const asked: RequestedTicket = { hex: ticket.reveal(), ...(named && { sta: ticket.sta }) }
    assert.deepEqual(parseStaRequest(encodeRequestData(asked)), {
      type: 'RequestData',
      ticket: asked,
    })
    assert.deepEqual(parseStaRequest(encodeRefreshTicket(asked)), {
      type: 'RefreshTicket',
      ticket: asked,
    })
  },
)

holds<[StaTicket, number]>(
  t,
  'a ticket that is issued, and when it ends, arrive',
  [arbitrary.staTicket, fc.integer({ min: 0, max: 999_999_999_999_999 })],
  (ticket, expiresAt) => {
    const read = parseResponseTicket(encodeResponseTicket(ticket), STA)
    assert.deepEqual([read.sta, read.reveal()], [ticket.sta, ticket.reveal()])
    assert.equal(parseResponseRefresh(encodeResponseRefresh(expiresAt), STA), expiresAt)
  },
)

const xml11 = bytesOf(
  '<?xml version="1.1"?><CtxSTAProtocol><RequestTicket><TicketData><Value name="a">&#1;</Value></TicketData></RequestTicket></CtxSTAProtocol>',
)
t.test('an STA takes no value that it could not give back', async (t) => {
  t.throws(() => parseStaRequest(xml11), { code: 'DH_XML' })
})

const message = fc.oneof(
  arbitrary.ticketData.map((data) => encodeRequestTicket(data)),
  arbitrary.ticketData.map(encodeResponseData),
  arbitrary.staTicket.map(encodeResponseTicket),
  arbitrary.staTicket.map((ticket) => encodeRequestData({ hex: ticket.reveal() })),
  fc.nat().map(encodeResponseRefresh),
  fc.constantFrom(
    encodeStaError('RequestData', 'ticket-used'),
    bytesOf('<html/>'),
    document(''),
    document('<ResponseTicket><Ticket>;42;</Ticket></ResponseTicket>'),
    encodeResponseData(Array.from({ length: 101 }, () => ({ name: '', value: '' }))),
  ),
)
const body = arbitrary.nearly(message)
throwsOnlyFaults(
  t,
  'no body makes the reader of requests throw anything but a Fault',
  body,
  parseStaRequest,
)

const ofAnswers: Code[] = (Object.keys(catalogue) as Code[]).filter((code) =>
  /^DH_(XML|STA_ANSWER|STA_FULL|TICKET_(UNKNOWN|USED|EXPIRED))$/.test(code),
)
for (const parse of [parseResponseTicket, parseResponseData, parseResponseRefresh]) {
  throwsOnlyFaults(
    t,
    `no body makes ${parse.name} throw anything but the faults of an answer`,
    body,
    (one) => {
      try {
        return parse(one, STA)
      } catch (caught) {
        assert.ok(isFault(caught, ...ofAnswers), String(caught))
        throw caught
      }
    },
  )
}
