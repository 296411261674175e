import { concat } from '@doublehop/wire/conversation'
import { encodeResponseData, encodeStaError } from '@doublehop/wire/sta-messages'
import { bytesOf } from '@doublehop/wire/text'
import fc from 'fast-check'
import t from 'tap'
import { heard } from '../../../wire/test/converse.ts'
import { nameQuery } from '../../src/check/languages/dns.ts'
import { nonceQuery } from '../../src/check/languages/edt.ts'
import type { About } from '../../src/check/languages/language.ts'
import { LANGUAGES } from '../../src/check/languages/languages.ts'
import { timeQuery } from '../../src/check/languages/ntp.ts'
import { printable, shown } from '../../src/check/languages/shown.ts'
import { answer, readNonce } from '../../src/listen/language.ts'

const ABOUT: About = {
  from: { host: '10.2.0.2', port: 40_000 },
  to: { host: '10.3.0.2', port: 1080 },
  host: 'proxy',
  nonce: '0123456789abcdef0123456789abcdef',
}

type Speaks = keyof typeof LANGUAGES

const http = (status: string, headers: string, body: Uint8Array = new Uint8Array(0)): Uint8Array =>
  concat(bytesOf(`HTTP/1.1 ${status}\r\n${headers}content-length: ${body.length}\r\n\r\n`), body)
const chunked = (headers: string, body: Uint8Array, size: number): Uint8Array => {
  const chunks = Array.from({ length: Math.ceil(body.length / size) }, (_, n) =>
    body.subarray(n * size, (n + 1) * size),
  )
  const framed = [...chunks, new Uint8Array(0)].flatMap((chunk) => [
    bytesOf(`${chunk.length.toString(16)};about=it\r\n`),
    chunk,
    bytesOf('\r\n'),
  ])
  return concat(
    bytesOf(`HTTP/1.1 200 OK\r\n${headers}transfer-encoding: chunked\r\n\r\n`),
    ...framed,
  )
}
const XML = 'Content-Type: text/xml\r\n'

/** What the other side says, and what is made of it; undefined waits for more. */
const SCENES: readonly (readonly [Speaks, string | Uint8Array, object | undefined])[] = [
  ['socks', Uint8Array.of(5, 0), { fits: true, note: 'method 00, no login' }],
  ['socks', Uint8Array.of(5, 2), { fits: true, note: 'method 02, a login' }],
  ['socks', Uint8Array.of(5, 255), { fits: false, note: /: ff$/ }],
  ['socks', Uint8Array.of(5), undefined],
  ['socks', 'HTTP/1.1 400 Bad Request\r\n', { fits: false }],
  ['storefront', http('404 Not Found', ''), { fits: true, note: 'HTTP 404' }],
  ['storefront', 'SSH-2.0-OpenSSH_9.2\r\n', { fits: false }],
  ['sta', http('200 OK', XML, encodeStaError('RequestData', 'ticket-unknown')), { fits: true }],
  [
    'sta',
    http('200 OK', XML, encodeStaError('RequestData', 'service-unavailable')),
    { fits: true, note: 'an STA of another make' },
  ],
  [
    'sta',
    http('200 OK', XML, encodeResponseData([{ name: 'ICAAddress', value: '10.4.0.3:1494' }])),
    { fits: false, note: /has data/ },
  ],
  [
    'sta',
    http('200 OK', 'Content-Type: text/html\r\n', bytesOf('<html>It works!</html>')),
    { fits: false },
  ],
  [
    'sta',
    chunked(XML, encodeStaError('RequestData', 'ticket-unknown'), 100),
    { fits: true, note: 'refuses the all-zero ticket' },
  ],
  [
    'sta',
    chunked('Content-Type: text/html\r\n', bytesOf('<html>It works!</html>'), 5),
    { fits: false },
  ],
  ['sta', chunked(XML, new Uint8Array(70_000), 10_000), { fits: false, observed: 'unknown' }],
  ['sta', `HTTP/1.1 200 OK\r\n${XML}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, { fits: false }],
  [
    'sta',
    `HTTP/1.1 200 OK\r\n${XML}\r\n`,
    { fits: false, observed: 'unknown', note: /does not tell how long/ },
  ],
  [
    'sta',
    'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n',
    { fits: false, observed: undefined },
  ],
  ['sta', http('404 Not Found', ''), { fits: false, note: /^HTTP 404/ }],
  ['sta', http('403 Forbidden', XML), { fits: false, observed: 'unknown' }],
  ['sta', http('403 Forbidden', ''), { fits: false, observed: undefined }],
  [
    'sta-health',
    http('406 Not Acceptable', 'Doublehop-Authority: STA01\r\n'),
    { fits: true, note: '406, STA01' },
  ],
  ['sta-health', http('406 Not Acceptable', ''), { fits: true, note: '406' }],
  ['sta-health', http('200 OK', ''), { fits: false, note: 'HTTP 200 instead of 406' }],
  ['ica', '\x7f\x7fICA\0', { fits: true }],
  ['ica', '220 mail', { fits: false }],
  ['echo', `doublehop nonce ${ABOUT.nonce}\r\n`, { fits: true }],
  ['echo', 'doublehop nonce ffff', { fits: false }],
  ['metrics', http('200 OK', 'Content-Type: text/plain; version=0.0.4\r\n'), { fits: true }],
  [
    'metrics',
    http('200 OK', 'Content-Type: text/html\r\n'),
    { fits: false, note: 'HTTP 200, and no metrics' },
  ],
  ['metrics', http('403 Forbidden', ''), { fits: false, observed: 'unknown' }],
  ['redis', '+PONG\r\n', { fits: true, note: '+PONG' }],
  ['redis', '-NOAUTH Authentication required.\r\n', { fits: true, note: '-NOAUTH' }],
  [
    'redis',
    '-LOADING Redis is loading the dataset in memory\r\n',
    { fits: true, note: '-LOADING' },
  ],
  ['redis', '-ERR max number of clients reached\r\n', { fits: true }],
  ['redis', '-ERR unknown', { fits: false }],
  ['redis', '+PO', undefined],
]

t.test('each language knows its own, and nobody else', async (t) => {
  for (const [speaks, said, wanted] of SCENES) {
    const language = LANGUAGES[speaks]
    if (language === undefined) throw new Error(speaks)
    const bytes = typeof said === 'string' ? bytesOf(said) : said
    const found = heard(language.ask(ABOUT), bytes)
    const label = `${speaks}: ${shown(bytes)}`
    if (wanted === undefined) t.same(found, undefined, label)
    else t.match(found, wanted, label)
  }
})

t.test('whatever a stranger says, nothing is thrown', async () => {
  const all = Object.values(LANGUAGES)
  const starts = fc.constantFrom('', 'HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n', '\x05', '-NO')
  fc.assert(
    fc.property(
      fc.constantFrom(...all),
      starts,
      fc.uint8Array({ maxLength: 200 }),
      (one, start, rest) => {
        heard(one.ask(ABOUT), concat(bytesOf(start), rest))
      },
    ),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const ask of [nameQuery, timeQuery, nonceQuery]) ask().read(bytes)
      shown(bytes)
    }),
  )
})

t.test('a datagram is an answer only to the one question', async (t) => {
  const name = nameQuery()
  const reply = Uint8Array.from(name.datagram)
  reply.set([0x81, 0x85], 2)
  t.same(name.read(reply), { fits: true, note: 'REFUSED' })
  t.same(name.read(name.datagram).fits, false, 'the question itself is none')
  t.same(
    nameQuery().read(Uint8Array.from(reply, (byte, at) => (at < 2 ? byte ^ 1 : byte))).fits,
    false,
  )

  const time = timeQuery()
  const told = new Uint8Array(48)
  told[0] = 0x24
  told[1] = 2
  told.set(time.datagram.subarray(40, 48), 24)
  t.same(time.read(told), { fits: true, note: 'stratum 2' })
  t.same(timeQuery().read(told).fits, false)

  const asked = nonceQuery()
  const nonce = readNonce(new TextDecoder().decode(asked.datagram)) ?? ''
  t.same(nonce, asked.nonce)
  const seen = { address: '203.0.113.7', port: 5000 }
  t.same(asked.read(bytesOf(answer(nonce, seen))).standIn, seen)
  t.same(nonceQuery().read(bytesOf(answer(nonce, seen))).fits, false)
})

t.test('what a stranger says is shown short and harmless', async (t) => {
  t.same(shown(bytesOf('HTTP/1.1 400 Bad Request\r\nServer: x')), '"HTTP/1.1 400 Bad Request"')
  t.same(shown(Uint8Array.of(0, 1, 2)), '00 01 02')
  t.same(shown(new Uint8Array(40)), `${'00 '.repeat(16)}…`)
  t.same(shown(Uint8Array.of(21, 3, 3, 0, 2, 2, 70)), 'a TLS alert, so TLS is spoken there')
  const hostile = shown(bytesOf(`\x1b[2J\x1b[H${'you are hacked '.repeat(20)}`))
  t.notOk(hostile.includes('\x1b'), hostile)
  t.same(printable('a\x1b[2J\u202eb'), 'a·[2J·b')
  t.ok(shown(bytesOf('x'.repeat(1000))).length < 100)
})
