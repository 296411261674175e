import { isFault } from '@doublehop/errors/fault'
import { acceptCgp, CGP_FLIGHT_LIMIT } from '@doublehop/wire/cgp'
import { type Conversation, Dialogue } from '@doublehop/wire/conversation'
import { parseEndpoint } from '@doublehop/wire/endpoint'
import { checkGrant } from '@doublehop/wire/grant'
import { parseIcaFile } from '@doublehop/wire/ica-file'
import { parseIp, parseNetwork } from '@doublehop/wire/ip'
import { acceptProxyHeader } from '@doublehop/wire/proxy-protocol'
import { isSessionId } from '@doublehop/wire/session-id'
import { acceptSocks } from '@doublehop/wire/socks5-server'
import { parseResponseData, parseStaRequest, STA_LIMIT } from '@doublehop/wire/sta-messages'
import { bytesOf } from '@doublehop/wire/text'
import { parseTicket } from '@doublehop/wire/ticket'
import { addressesOf } from '@doublehop/wire/ticket-addresses'
import { readXml } from '@doublehop/wire/xml'
import t, { type Test } from 'tap'
import { doublingAtMostTriples } from '../kit/doubling.ts'
import { atScale } from '../kit/nightly.ts'
import { fill, numbered, type Shapes } from '../kit/shapes.ts'

/** The worst that each parser of the wires can be given costs no more than in proportion, up to what a daemon reads. */

t.setTimeout(atScale(300_000, 900_000))

const refusing = (read: () => unknown): void => {
  try {
    read()
  } catch (caught) {
    if (!isFault(caught)) throw caught
  }
}

function texts(t: Test, bound: number, read: (text: string) => unknown, shapes: Shapes): void {
  for (const [name, make] of Object.entries(shapes))
    doublingAtMostTriples(t, name, { bound, make, read: (text) => refusing(() => read(text)) })
}

function conversations(
  t: Test,
  bound: number,
  begin: () => Conversation<unknown>,
  shapes: Shapes,
): void {
  const feed = (pieces: readonly Uint8Array[]): void =>
    refusing(() => {
      const dialogue = new Dialogue(begin(), () => {})
      for (const piece of pieces) dialogue.feed(piece)
    })
  for (const [name, make] of Object.entries(shapes)) {
    const bytes = (size: number): Uint8Array => Buffer.from(make(size), 'latin1')
    doublingAtMostTriples(t, name, { bound, make: (size) => [bytes(size)], read: feed })
    doublingAtMostTriples(t, `${name}, byte by byte`, {
      bound,
      make: (size) => Array.from(bytes(size), (byte) => Uint8Array.of(byte)),
      read: feed,
    })
  }
}

const HEX = '6C0EE48D2E8CADFEE6D1EB93BFB52A57'
const LONG = '\xff'

t.test('conversations, up to the 4 KiB that a handshake may have', async (t) => {
  conversations(t, CGP_FLIGHT_LIMIT, acceptCgp, {
    'CGP: hex digits': fill('0123456789ABCDEF', '\x1aCGP/01'),
    'CGP: runs that are almost tickets': fill(`;40;STA01;${HEX.slice(3)}`, '\x1aCGP/01'),
    'CGP: 42s without an end': fill(
      `;42;STA0123456789ABC;${HEX};STA0123456789ABC;${HEX}a`,
      '\x1aCGP/01',
    ),
    'CGP: semicolons': fill(';', '\x1aCGP/01'),
  })
  conversations(t, 4096, () => acceptSocks({ methods: ['password'] }), {
    'SOCKS: 255 methods and a login': () =>
      `\x05${LONG}${'\x02'.repeat(255)}\x01${LONG}${'a'.repeat(255)}${LONG}${'b'.repeat(255)}`,
    'SOCKS: whatever comes behind the CONNECT': fill(
      'a',
      '\x05\x01\x02\x01\x01a\x01b\x05\x01\x00\x03\x01a\x00\x50',
    ),
  })
  conversations(t, 552, acceptProxyHeader, {
    'PROXY v2: as many values as it takes': fill(
      '\x04\x00\x00',
      '\r\n\r\n\0\r\nQUIT\n\x21\x11\x02\x18',
    ),
  })
})

t.test(
  'short texts, up to the 64 KiB of the document or the 1 MiB of the file they stand in',
  async (t) => {
    const places: Shapes = {
      colons: fill(':'),
      'pairs of colons': fill('::'),
      'groups of IPv6': fill('1:', '['),
      'zeros in a group': fill('0', '[', '::1]:80'),
      dots: fill('.'),
      labels: fill('a.', '', ':80'),
      'hyphens in a label': fill('-', 'a', ':80'),
      letters: fill('a', '', ':80'),
      'digits of a port': fill('1', 'a:'),
      octets: fill('1.'),
      brackets: fill('['),
      'closing brackets': fill(']', '['),
      slashes: fill('/', '10.0.0.0'),
      'a second address': fill('localhost:', '10.0.0.5:2598:', ':1494'),
    }
    const MIB = 2 ** 20
    t.test('address and port', async (t) => texts(t, MIB, parseEndpoint, places))
    t.test('IP address', async (t) => texts(t, MIB, parseIp, places))
    t.test('network', async (t) => texts(t, MIB, parseNetwork, places))
    t.test('addresses of a ticket', async (t) =>
      texts(t, STA_LIMIT, (value) => addressesOf([{ name: 'CGPAddress', value }]), places),
    )
    t.test('ticket', async (t) =>
      texts(t, STA_LIMIT, parseTicket, {
        semicolons: fill(';'),
        digits: fill('A', ';40;STA01;'),
        ids: fill('A', ';40;STA', `;${HEX}`),
        halves: fill(`;STA01;${HEX}`, ';42'),
      }),
    )
    t.test('session id and grant, up to a header of 16 KiB', async (t) => {
      const scope = { session: 's', gateway: 'g', proxy: 'p' }
      const check = (token: string): unknown =>
        isSessionId(token) ||
        checkGrant(token, [new Uint8Array(32)], scope, { host: 'a', port: 1 }, 0)
      texts(t, 16_384, check, { digits: fill('0'), base64url: fill('A_-') })
    })
  },
)

t.test('XML, up to the 64 KiB of a body', async (t) => {
  const root = ['<CtxSTAProtocol>', '</CtxSTAProtocol>'] as const
  const dtd = { root: 'CtxSTAProtocol', system: 'CtxSTA.dtd' }
  const documents: Shapes = {
    text: fill('x', ...root),
    'line ends': fill('\r\n', ...root),
    references: fill('&#10;', ...root),
    'unfinished references': fill('&', ...root),
    attributes: numbered((at) => ` a${at}=""`, '<CtxSTAProtocol', '/>'),
    'one attribute again and again': fill(' a=""', '<CtxSTAProtocol', '/>'),
    'references in an attribute': fill('&amp;', '<CtxSTAProtocol a="', '"/>'),
    'empty elements': fill('<b/>', ...root),
    levels: fill('<a>'),
    '15 levels again and again': fill(`${'<a>'.repeat(15)}${'</a>'.repeat(15)}`, ...root),
    comments: fill('<!---->', ...root),
    'a comment of hyphens': fill('- ', `${root[0]}<!--`, `-->${root[1]}`),
    'CDATA sections': fill('<![CDATA[]]>', ...root),
    'a CDATA section of almost ends': fill(']]x', `${root[0]}<![CDATA[`, `]]>${root[1]}`),
    brackets: fill(']', ...root),
    'a name': fill('a', '<', '/>'),
    'an attribute name': fill('a', '<a ', '=""/>'),
    'an entity name': fill('a', '<a>&', ';</a>'),
    'zeros of a reference': fill('0', '<a>&#', '65;</a>'),
    'space in the DOCTYPE': fill(
      ' ',
      '<!DOCTYPE CtxSTAProtocol',
      'SYSTEM "CtxSTA.dtd"><CtxSTAProtocol/>',
    ),
    'entities in the DOCTYPE': fill('<!ENTITY a "b">', '<!DOCTYPE CtxSTAProtocol [', ']><a/>'),
    'quotes in the DOCTYPE': fill('""', '<!DOCTYPE CtxSTAProtocol ', '><a/>'),
    openings: fill('<'),
  }
  texts(t, STA_LIMIT, (text) => readXml(text, dtd), documents)
})

t.test('messages of an STA, up to the 64 KiB of a body', async (t) => {
  const around = (kind: string): [string, string] => [
    `<CtxSTAProtocol><${kind}>`,
    `</${kind}></CtxSTAProtocol>`,
  ]
  const [open, close] = around('RequestTicket')
  const value = (text: string): string => `<Value name="a">${text}</Value>`
  t.test('requests', async (t) =>
    texts(t, STA_LIMIT, (text) => parseStaRequest(bytesOf(text)), {
      'one value': fill(
        'x',
        `${open}<TicketData><Value name="a">`,
        `</Value></TicketData>${close}`,
      ),
      values: fill(value('x'), `${open}<TicketData>`, `</TicketData>${close}`),
      'a ticket of semicolons': fill(
        ';',
        `${around('RequestData')[0]}<Ticket>`,
        `</Ticket>${around('RequestData')[1]}`,
      ),
      'space around a ticket': fill(
        ' ',
        `${around('RequestData')[0]}<Ticket>`,
        `${HEX}</Ticket>${around('RequestData')[1]}`,
      ),
    }),
  )
  const [begin, end] = around('ResponseData')
  t.test('answers', async (t) =>
    texts(t, STA_LIMIT, (text) => parseResponseData(bytesOf(text), 'STA01'), {
      'one value': fill('x', `${begin}<TicketData><Value name="a">`, `</Value></TicketData>${end}`),
      'a refusal of many words': fill('a', `${begin}<ErrorId>`, `</ErrorId>${end}`),
      'a refusal that is almost a ticket': fill(
        `${HEX.slice(3)} `,
        `${begin}<ErrorId>`,
        `</ErrorId>${end}`,
      ),
      'a refusal of odd characters': fill('\u202e', `${begin}<ErrorId>`, `</ErrorId>${end}`),
    }),
  )
})

t.test('ICA files, up to 64 Ki characters', async (t) => {
  texts(t, STA_LIMIT, parseIcaFile, {
    sections: numbered((at) => `[${at}]\n`),
    'one section again and again': fill('[a]\n'),
    keys: numbered((at) => `k${at}=\r\n`, '[ApplicationServers]\r\n'),
    'equals signs': fill('=', '[a]\n'),
    openings: fill('['),
    'almost a section': fill('] ', '[', 'x'),
    'space before a section': fill(' ', '', '['),
    'space behind a section': fill(' ', '[a]', 'x'),
    'carriage returns': fill('\r'),
    'line ends': fill('\r\n'),
  })
})
