import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Dialogue } from '../src/conversation.ts'
import type { Endpoint } from '../src/endpoint.ts'
import { greetSocks, requestSocks } from '../src/socks5-client.ts'
import { acceptSocks, type Credentials } from '../src/socks5-server.ts'
import * as arbitrary from './arbitraries.ts'
import { converse, heard } from './converse.ts'
import { holds, throwsOnlyFaults } from './property.ts'
import { transcript } from './transcript.ts'

const session = '0123456789abcdef0123456789abcdef'
const vda: Endpoint = { host: '10.0.0.5', port: 2598 }

const client = (destination: Endpoint, credentials?: Credentials) => ({
  speaks: 'C' as const,
  conversation: () => requestSocks(destination, credentials),
})

transcript(t, 'a request without a login', {
  ...client(vda),
  wire: `
    C 05 01 00
    S 05 00
    C 05 01 00 01 0a 00 00 05 0a 26
    S 05 00 00 01 0a 00 00 02 c3 50
  `,
  returns: { type: 'ipv4', host: '10.0.0.2', port: 50000 },
})

transcript(t, 'a request with user name and password', {
  ...client({ host: 'fd00::5', port: 1494 }, { username: session, password: 'grant' }),
  wire: `
    C 05 01 02
    S 05 02
    C 01 20 "${session}" 05 "grant"
    S 01 00
    C 05 01 00 04 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 05 05 d6
    S 05 00 00 04 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02 c3 50
  `,
  returns: { type: 'ipv6', host: 'fd00::2', port: 50000 },
})

transcript(t, 'a request for a ticket, and a reply that names the bound host', {
  ...client({ host: ';40;STA490101972;E22678CF749AB3225AB0D11FC3C9A5', port: 2598 }),
  wire: `
    C 05 01 00
    S 05 00
    C 05 01 00 03 2f ";40;STA490101972;E22678CF749AB3225AB0D11FC3C9A5" 0a 26
    S 05 00 00 03 05 "proxy" 04 38
  `,
  returns: { type: 'name', host: 'proxy', port: 1080 },
})

transcript(t, 'a login status of 00 counts, whatever version a server writes before it', {
  ...client(vda, { username: 'u', password: 'p' }),
  wire: `
    C 05 01 02
    S 05 02
    C 01 01 "u" 01 "p"
    S 05 00
    C 05 01 00 01 0a 00 00 05 0a 26
    S 05 00 00 01 00 00 00 00 00 00
  `,
  returns: { type: 'ipv4', host: '0.0.0.0', port: 0 },
})

transcript(t, 'a greeting alone shows that a proxy is alive', {
  speaks: 'C',
  conversation: () => greetSocks('none'),
  wire: `
    C 05 01 00
    S 05 00
  `,
  returns: null,
})

// ── what a server may answer instead ──

transcript(t, 'a server that wants another method', {
  ...client(vda),
  wire: `
    C 05 01 00
    S 05 ff
  `,
  throws: 'DH_SOCKS_METHOD',
})

transcript(t, 'a server that takes a method that was not offered', {
  ...client(vda, { username: 'u', password: 'p' }),
  wire: `
    C 05 01 02
    S 05 00
  `,
  throws: 'DH_SOCKS_METHOD',
})

transcript(t, 'a server that speaks something else', {
  ...client(vda),
  wire: `
    C 05 01 00
    S "HT"
  `,
  throws: 'DH_SOCKS_FORM',
})

transcript(t, 'a login that is refused', {
  ...client(vda, { username: 'u', password: 'p' }),
  wire: `
    C 05 01 02
    S 05 02
    C 01 01 "u" 01 "p"
    S 01 01
  `,
  throws: 'DH_SOCKS_LOGIN',
})

const replies = {
  '01': 'DH_SOCKS_FAILED',
  '02': 'DH_SOCKS_DENIED',
  '03': 'DH_SOCKS_UNREACHABLE',
  '04': 'DH_SOCKS_UNREACHABLE',
  '05': 'DH_SOCKS_UNREACHABLE',
  '06': 'DH_SOCKS_FAILED',
  '07': 'DH_SOCKS_FAILED',
  '08': 'DH_SOCKS_FAILED',
  '09': 'DH_SOCKS_FAILED',
  ff: 'DH_SOCKS_FAILED',
} as const
for (const [reply, code] of Object.entries(replies)) {
  transcript(t, `reply ${reply} is ${code}, from its first two bytes`, {
    ...client(vda),
    wire: `
      C 05 01 00
      S 05 00
      C 05 01 00 01 0a 00 00 05 0a 26
      S 05 ${reply}
    `,
    throws: code,
  })
}

transcript(t, 'a reply in another version', {
  ...client(vda),
  wire: `
    C 05 01 00
    S 05 00
    C 05 01 00 01 0a 00 00 05 0a 26
    S 04 00
  `,
  throws: 'DH_SOCKS_FORM',
})

transcript(t, 'a reply with an address of no known type', {
  ...client(vda),
  wire: `
    C 05 01 00
    S 05 00
    C 05 01 00 01 0a 00 00 05 0a 26
    S 05 00 00 02
  `,
  throws: 'DH_SOCKS_FORM',
})

t.test('a refused ticket is not in the message, a refused address is', async (t) => {
  const denied = Uint8Array.of(5, 0, 5, 2)
  const ticket = { host: ';40;STA490101972;E22678CF749AB3225AB0D11FC3C9A5', port: 1494 }
  t.throws(() => heard(requestSocks(ticket), denied), { message: /to the ticket \(reply 02\)/ })
  try {
    heard(requestSocks(ticket), denied)
  } catch (caught) {
    t.notMatch(JSON.stringify(caught) + String(caught), /E22678/)
  }
  t.throws(() => heard(requestSocks(vda), denied), { message: /to 10\.0\.0\.5:2598 \(reply 02\)/ })
})

t.test('what cannot be written is a mistake of the caller, before a byte is sent', async (t) => {
  const long = 'x'.repeat(256)
  const logins: Credentials[] = [
    { username: '', password: 'p' },
    { username: 'u', password: '' },
    { username: long, password: 'p' },
    { username: 'u', password: long },
  ]
  for (const login of logins) {
    const dialogue = new Dialogue(requestSocks(vda, login), () => {})
    t.throws(() => dialogue.feed(Uint8Array.of(5, 2)), { name: 'RangeError' })
  }
  const dialogue = new Dialogue(requestSocks({ host: long, port: 1 }), () => {})
  t.throws(() => dialogue.feed(Uint8Array.of(5, 0)), { name: 'RangeError' })
})

const text = arbitrary.wildText({ minLength: 1, maxLength: 80 }).map((one) => one.toWellFormed())

holds<[Endpoint, Credentials | undefined]>(
  t,
  'what a client asks for is what a server hears',
  [
    arbitrary.endpoint,
    fc.option(arbitrary.record({ username: text, password: text }), { nil: undefined }),
  ],
  (destination, credentials) => {
    const { client, server } = converse(
      requestSocks(destination, credentials),
      acceptSocks({ methods: [credentials ? 'password' : 'none'] }),
    )
    assert.equal(server.unread.length, 0)
    assert.equal(client.outcome, undefined, 'the reply is still to come')
    const request = server.outcome?.result
    assert.equal(request?.destination.host, destination.host)
    assert.equal(request?.destination.port, destination.port)
    assert.deepEqual(request?.credentials, credentials)
  },
)

const answers = arbitrary.nearly(
  fc.constantFrom(
    Uint8Array.of(5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 0, 80),
    Uint8Array.of(5, 2, 1, 0, 5, 0, 0, 3, 1, 0x61, 0, 80),
    Uint8Array.of(
      5,
      2,
      1,
      0,
      5,
      0,
      0,
      4,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      9,
      10,
      11,
      12,
      13,
      14,
      15,
      16,
      0,
      80,
    ),
  ),
)

throwsOnlyFaults(
  t,
  'no bytes make the client throw anything but a Fault',
  fc.tuple(fc.constantFrom(undefined, { username: 'u', password: 'p' }), answers),
  ([credentials, bytes]) => heard(requestSocks(vda, credentials), bytes),
)
