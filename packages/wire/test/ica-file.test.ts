import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Endpoint } from '../src/endpoint.ts'
import { formatIcaFile, type IcaLaunch, parseIcaFile } from '../src/ica-file.ts'
import { parseTicket, type Ticket } from '../src/ticket.ts'
import * as arbitrary from './arbitraries.ts'
import { cpuTime } from './cpu.ts'
import { holds, throwsOnlyFaults } from './property.ts'
import { plain } from './transcript.ts'

const TICKET = ';40;STA475DE9C8ABDA;6C0EE48D2E8CADFEE6D1EB93BFB52A57'

/** An ICA file with all the keys that a launch through a gateway carries in the field. */
const sample = [
  '[Encoding]',
  'InputEncoding=UTF8',
  '',
  '[WFClient]',
  'Version=2',
  'RemoveICAFile=yes',
  'HttpBrowserAddress=!',
  '',
  '[ApplicationServers]',
  'Office Desktop=',
  '',
  '[Office Desktop]',
  `Address=${TICKET}`,
  'AutologonAllowed=ON',
  'BrowserProtocol=HTTPonTCP',
  'CGPAddress=*:2598',
  'CGPSecurityTicket=On',
  'ClearPassword=0123456789ABCD',
  'Domain=\\0123456789ABCDEF',
  'HDXoverUDP=Off',
  'HTTPBrowserAddress=!',
  'InitialProgram=#Office Desktop',
  'Launcher=WI',
  'LocHttpBrowserAddress=!',
  'LogonTicket=0123456789ABCD0123456789ABCDEF',
  'LogonTicketType=CTXS1',
  'SecureChannelProtocol=Detect',
  'SessionReliabilityTTL=180',
  'SSLCiphers=all',
  'SSLEnable=On',
  'SSLProxyHost=gateway.example:443',
  'Title=Office Desktop',
  'TransportDriver=TCP/IP',
  'Username=',
  'WinStationDriver=ICA 3.0',
  '',
].join('\r\n')

const launch = {
  app: 'Office Desktop',
  ticket: TICKET,
  gateway: { host: 'gateway.example', port: 443 },
  protocol: 'cgp',
  port: 2598,
}

const without = (key: string) => sample.replace(new RegExp(`^${key}=.*\r\n`, 'm'), '')
const changed = (key: string, value: string) =>
  sample.replace(new RegExp(`^${key}=.*\r\n`, 'm'), `${key}=${value}\r\n`)

t.test('a file as a portal writes it leads to a launch', async (t) => {
  t.same(plain(parseIcaFile(sample)), launch)
})

t.test('keys, sections and values compare without regard to case', async (t) => {
  const shouted = sample.replaceAll(/^[^=\r\n]+(?==)|^\[.*\]/gm, (name) => name.toUpperCase())
  t.same(plain(parseIcaFile(shouted)), { ...launch, app: 'OFFICE DESKTOP' })
  t.equal(parseIcaFile(changed('CGPSecurityTicket', 'ON')).protocol, 'cgp')
})

t.test('line ends, byte order marks, spaces and comments do not matter', async (t) => {
  t.same(plain(parseIcaFile(sample.replaceAll('\r\n', '\n'))), launch)
  t.same(plain(parseIcaFile(`\ufeff${sample}`)), launch)
  t.same(
    plain(
      parseIcaFile(sample.replaceAll('=', ' = ').replaceAll('[', ' [ ').replaceAll(']', ' ] ')),
    ),
    launch,
  )
  const commented = sample.replaceAll('\r\n', '\r\n; Address=;10;STA1;0\r\n#SSLProxyHost=x:1\r\n')
  t.same(plain(parseIcaFile(commented)), launch)
})

t.test('without CGPSecurityTicket=On the client speaks SOCKS', async (t) => {
  t.equal(parseIcaFile(without('CGPSecurityTicket')).protocol, 'socks')
  t.equal(parseIcaFile(changed('CGPSecurityTicket', 'Off')).protocol, 'socks')
  t.equal(parseIcaFile(changed('CGPSecurityTicket', 'once')).protocol, 'socks')
  t.equal(parseIcaFile(changed('CGPSecurityTicket', 'not on')).protocol, 'socks')
})

t.test('with CGPAddress the client asks for 2598, without for 1494', async (t) => {
  t.equal(parseIcaFile(sample).port, 2598)
  t.equal(parseIcaFile(without('CGPAddress')).port, 1494)
  t.equal(parseIcaFile(changed('CGPAddress', '')).port, 1494)
})

t.test('the gateway may be an IPv6 address', async (t) => {
  t.same(parseIcaFile(changed('SSLProxyHost', '[2001:DB8::1]:443')).gateway, {
    host: '2001:db8::1',
    port: 443,
  })
})

t.test('a file for a launch without a gateway is told apart', async (t) => {
  const direct = changed('Address', '10.0.0.5:1494')
  t.throws(() => parseIcaFile(direct), { code: 'DH_ICA_FILE', message: /launch without a gateway/ })
})

t.test('what is no usable file is refused', async (t) => {
  const others = {
    'an empty file': '',
    'no INI': '<html>not found</html>',
    'no application': sample.replace('Office Desktop=\r\n', ''),
    'an application without a name': sample
      .replace('Office Desktop=', ' =')
      .replace('[Office Desktop]', '[ ]'),
    'no section of the application': sample.replace('[Office Desktop]', '[Other]'),
    'no whole line for the section': sample.replace('[Office Desktop]', '[Office Desktop] x'),
    'no address': without('Address'),
    'no gateway': without('SSLProxyHost'),
    'a gateway without a port': changed('SSLProxyHost', 'gateway.example'),
    'keys before any section': `Address=${TICKET}`,
  }
  for (const [what, text] of Object.entries(others))
    t.throws(() => parseIcaFile(text), { code: 'DH_ICA_FILE' }, what)
  t.throws(() => parseIcaFile(changed('Address', ';40;STA1;0')), { code: 'DH_TICKET_FORM' })
})

t.test('a file has 64 KiB at most, and no file costs much', async (t) => {
  const longest = sample.padEnd(65_536, '\r\n')
  t.same(plain(parseIcaFile(longest)), launch)
  t.throws(() => parseIcaFile(`${longest}\n`), { code: 'DH_ICA_FILE', message: /64 KiB/ })
  for (const piece of [' ', '[', ']', '[a] ', '[ ] x', '=', 'a=b\n', '[a]\n', '\r', ';', '\r\n']) {
    const text = piece.repeat(65_536 / piece.length)
    const spent = cpuTime(() => t.throws(() => parseIcaFile(text), { code: 'DH_ICA_FILE' }))
    t.ok(spent < 1000, `64 KiB of ${JSON.stringify(piece)}`)
  }
})

t.test('the file we write is INI with CRLF, and has the section of its app last', async (t) => {
  const text = formatIcaFile({ ...launch, protocol: 'cgp', ticket: parseTicket(TICKET) })
  t.notMatch(text, /[^\r]\n|\r[^\n]/)
  t.match(text, /^\[Encoding\]\r\nInputEncoding=UTF8\r\n/)
  t.match(text, /\r\n\[ApplicationServers\]\r\nOffice Desktop=\r\n\r\n\[Office Desktop\]\r\n/)
  for (const line of [
    `Address=${TICKET}`,
    'SSLEnable=On',
    'SSLProxyHost=gateway.example:443',
    'CGPAddress=*:2598',
  ]) {
    t.ok(text.includes(`\r\n${line}\r\n`), line)
  }
})

t.test('a name that would not read back is not written', async (t) => {
  const names = [
    ...[
      '',
      ' ',
      ' a',
      'a ',
      'a\nAddress=x',
      'a\rb',
      'a=b',
      '[a',
      'a]',
      ';a',
      '#a',
      'ApplicationServers',
    ],
    ...['applicationservers', 'a\u2028b', 'a\u2029b', '\ufeffa', 'a\u00a0'],
  ]
  for (const app of names) {
    const one = { ...launch, app, protocol: 'cgp', ticket: parseTicket(TICKET) } as const
    t.throws(() => formatIcaFile(one), { name: 'RangeError' }, encodeURIComponent(app))
  }
})

/** Any name that can be published: none of the characters that INI takes for itself. */
const app = fc
  .oneof(
    fc.constantFrom(
      'Office Desktop',
      'Wörter & Bücher',
      'a;b',
      '日本語',
      'WFClient',
      'Encoding',
      'ApplicationServers 2',
      'My ApplicationServers',
    ),
    arbitrary.wildText(),
  )
  .map((text) => text.replace(/[\r\n[\]=\u2028\u2029]/g, '').trim())
  .filter((text) => text !== '' && !/^[;#]/.test(text))

const icaLaunch = arbitrary.record<IcaLaunch>({
  app,
  ticket: arbitrary.ticket,
  gateway: arbitrary.endpoint,
  protocol: fc.constantFrom('socks', 'cgp'),
  port: fc.constantFrom(1494, 2598),
})

holds<[IcaLaunch]>(t, 'a launch that is written reads the same', [icaLaunch], (launch) => {
  assert.deepEqual(plain(parseIcaFile(formatIcaFile(launch))), plain(launch))
})

holds<[Ticket, Endpoint]>(
  t,
  'nothing in the file but its Address tells the ticket',
  [arbitrary.ticket, arbitrary.endpoint],
  (ticket, gateway) => {
    const text = formatIcaFile({ ...launch, protocol: 'cgp', ticket, gateway })
    assert.equal(
      text.split(ticket.primary.reveal()).length,
      ticket.primary.reveal() === ticket.redundant?.reveal() ? 3 : 2,
    )
  },
)

throwsOnlyFaults(
  t,
  'no text makes the reader of an ICA file throw anything but a Fault',
  fc.oneof(
    arbitrary.nearlyText(fc.constant(sample)),
    arbitrary.nearlyText(icaLaunch.map(formatIcaFile)),
  ),
  parseIcaFile,
)
