import assert from 'node:assert/strict'
import { isFault } from '@doublehop/errors/fault'
import fc from 'fast-check'
import t from 'tap'
import { Dialogue } from '../src/conversation.ts'
import { acceptSocks, type Credentials, type LoginPolicy } from '../src/socks5-server.ts'
import * as arbitrary from './arbitraries.ts'
import { heard } from './converse.ts'
import { holds, throwsOnlyFaults } from './property.ts'
import { transcript } from './transcript.ts'

const open: LoginPolicy = { methods: ['none'] }
const login: LoginPolicy = { methods: ['password'] }
const either: LoginPolicy = { methods: ['password', 'none'] }
const guarded: LoginPolicy = {
  methods: ['password'],
  verify: ({ username, password }) => username === 'alice' && password === 'secret',
}

const server = (policy: LoginPolicy) => ({
  speaks: 'S' as const,
  conversation: () => acceptSocks(policy),
})

transcript(t, 'a launch names its ticket where the name of a host stands', {
  ...server(open),
  wire: `
    C 05 02 00 02
    S 05 00
    C 05 01 00 03 2f ";40;STA490101972;E22678CF749AB3225AB0D11FC3C9A5" 05 d6
  `,
  returns: {
    destination: {
      type: 'name',
      host: ';40;STA490101972;E22678CF749AB3225AB0D11FC3C9A5',
      port: 1494,
    },
  },
})

transcript(t, 'a CONNECT to an IPv4 address', {
  ...server(open),
  wire: `
    C 05 01 00
    S 05 00
    C 05 01 00 01 0a 00 00 05 0a 26
  `,
  returns: { destination: { type: 'ipv4', host: '10.0.0.5', port: 2598 } },
})

transcript(t, 'a CONNECT to an IPv6 address, told in its one spelling', {
  ...server(open),
  wire: `
    C 05 01 00
    S 05 00
    C 05 01 00 04 fd 00 00 00 00 00 00 00 00 01 00 00 00 00 00 05 0a 26
  `,
  returns: { destination: { type: 'ipv6', host: 'fd00::1:0:0:5', port: 2598 } },
})

transcript(t, 'the port is read high byte first', {
  ...server(open),
  wire: `
    C 05 01 00
    S 05 00
    C 05 01 00 01 7f 00 00 01 ff fe
  `,
  returns: { destination: { type: 'ipv4', host: '127.0.0.1', port: 65534 } },
})

transcript(t, 'the reserved byte is not looked at', {
  ...server(open),
  wire: `
    C 05 01 00
    S 05 00
    C 05 01 ff 03 01 "a" 00 50
  `,
  returns: { destination: { type: 'name', host: 'a', port: 80 } },
})

transcript(t, 'a name of 255 bytes, the longest there is', {
  ...server(open),
  wire: `
    C 05 01 00
    S 05 00
    C 05 01 00 03 ff "${'a'.repeat(255)}" 01 bb
  `,
  returns: { destination: { type: 'name', host: 'a'.repeat(255), port: 443 } },
})

transcript(t, 'a client may offer 255 methods', {
  ...server(open),
  wire: `
    C 05 ff ${'80 '.repeat(254)} 00
    S 05 00
    C 05 01 00 01 01 02 03 04 00 01
  `,
  returns: { destination: { type: 'ipv4', host: '1.2.3.4', port: 1 } },
})

transcript(t, 'user name and password come before the CONNECT', {
  ...server(guarded),
  wire: `
    C 05 03 00 01 02
    S 05 02
    C 01 05 "alice" 06 "secret"
    S 01 00
    C 05 01 00 03 03 "sta" 1f 90
  `,
  returns: {
    destination: { type: 'name', host: 'sta', port: 8080 },
    credentials: { username: 'alice', password: 'secret' },
  },
})

transcript(t, 'without a verifier any credentials are taken, to be judged later', {
  ...server(login),
  wire: `
    C 05 01 02
    S 05 02
    C 01 01 "-" 01 "-"
    S 01 00
    C 05 01 00 03 03 "sta" 1f 90
  `,
  returns: {
    destination: { type: 'name', host: 'sta', port: 8080 },
    credentials: { username: '-', password: '-' },
  },
})

transcript(t, 'user name and password may have 255 bytes each, in UTF-8', {
  ...server(login),
  wire: `
    C 05 01 02
    S 05 02
    C 01 ff "${'ü'.repeat(127)}x" ff "${'€'.repeat(85)}"
    S 01 00
    C 05 01 00 03 03 "sta" 1f 90
  `,
  returns: {
    destination: { type: 'name', host: 'sta', port: 8080 },
    credentials: { username: `${'ü'.repeat(127)}x`, password: '€'.repeat(85) },
  },
})

transcript(t, 'the policy chooses among the methods, whatever order the client names them in', {
  ...server(either),
  wire: `
    C 05 02 00 02
    S 05 02
    C 01 01 "u" 01 "p"
    S 01 00
    C 05 01 00 01 01 02 03 04 00 01
  `,
  returns: {
    destination: { type: 'ipv4', host: '1.2.3.4', port: 1 },
    credentials: { username: 'u', password: 'p' },
  },
})

transcript(t, 'the second choice is taken where the first is not offered', {
  ...server(either),
  wire: `
    C 05 01 00
    S 05 00
    C 05 01 00 01 01 02 03 04 00 01
  `,
  returns: { destination: { type: 'ipv4', host: '1.2.3.4', port: 1 } },
})

// ── what is refused ──

for (const first of ['00', '04', '16', '1a', '47', 'ff']) {
  transcript(t, `a first byte of ${first} is no SOCKS5 and gets no answer`, {
    ...server(open),
    wire: `C ${first}`,
    throws: 'DH_SOCKS_VERSION',
  })
}

t.test('the refusal of another protocol guesses which one it is', async (t) => {
  const hints = [
    [0x04, /SOCKS4/],
    [0x16, /TLS/],
    [0x1a, /CGP/],
    [0x40, /unknown/],
    [0x41, /HTTP/],
    [0x5a, /HTTP/],
    [0x5b, /unknown/],
  ] as const
  for (const [first, hint] of hints) {
    const start = () => heard(acceptSocks(open), Uint8Array.of(first))
    t.throws(start, { code: 'DH_SOCKS_VERSION', message: hint })
  }
})

transcript(t, 'no acceptable method: FF, and the end', {
  ...server(guarded),
  wire: `
    C 05 02 00 01
    S 05 ff
  `,
  throws: 'DH_SOCKS_METHOD',
})

transcript(t, 'no method at all: FF, and the end', {
  ...server(open),
  wire: `
    C 05 00
    S 05 ff
  `,
  throws: 'DH_SOCKS_METHOD',
})

transcript(t, 'a wrong password: 01, and the end', {
  ...server(guarded),
  wire: `
    C 05 01 02
    S 05 02
    C 01 05 "alice" 06 "Secret"
    S 01 01
  `,
  throws: 'DH_SOCKS_LOGIN',
})

transcript(t, 'an empty user name is no user name', {
  ...server(login),
  wire: `
    C 05 01 02
    S 05 02
    C 01 00 01 "p"
    S 01 01
  `,
  throws: 'DH_SOCKS_LOGIN',
})

transcript(t, 'an empty password is no password', {
  ...server(login),
  wire: `
    C 05 01 02
    S 05 02
    C 01 01 "u" 00
    S 01 01
  `,
  throws: 'DH_SOCKS_LOGIN',
})

transcript(t, 'a user name that is not UTF-8 is not taken', {
  ...server(login),
  wire: `
    C 05 01 02
    S 05 02
    C 01 02 c3 28 01 "p"
    S 01 01
  `,
  throws: 'DH_SOCKS_LOGIN',
})

transcript(t, 'another version of the login is malformed', {
  ...server(login),
  wire: `
    C 05 01 02
    S 05 02
    C 05
  `,
  throws: 'DH_SOCKS_FORM',
})

transcript(t, 'another version of the request: 01, whole, and the end', {
  ...server(open),
  wire: `
    C 05 01 00
    S 05 00
    C 04 01 00 01
    S 05 01 00 01 00 00 00 00 00 00
  `,
  throws: 'DH_SOCKS_FORM',
})

for (const [name, command] of Object.entries({
  BIND: '02',
  'UDP ASSOCIATE': '03',
  nothing: '09',
})) {
  transcript(t, `command ${command} (${name}): the request is read, then 07, whole, and the end`, {
    ...server(open),
    wire: `
      C 05 01 00
      S 05 00
      C 05 ${command} 00 01 00 00 00 00 00 00
      S 05 07 00 01 00 00 00 00 00 00
    `,
    throws: 'DH_SOCKS_COMMAND',
  })
}

for (const type of ['00', '02', '05', 'ff']) {
  transcript(t, `address type ${type}: 08, whole, and the end`, {
    ...server(open),
    wire: `
      C 05 01 00
      S 05 00
      C 05 01 00 ${type}
      S 05 08 00 01 00 00 00 00 00 00
    `,
    throws: 'DH_SOCKS_ADDRESS_TYPE',
  })
}

for (const [what, name] of Object.entries({
  'is empty': '00',
  'holds a zero byte': '03 "a" 00 "b"',
  'holds a line end': '03 "a" 0a "b"',
  'is not ASCII': '02 "ü"',
  'holds a DEL': '01 7f',
})) {
  transcript(t, `a name that ${what}: 01, whole, and the end`, {
    ...server(open),
    wire: `
      C 05 01 00
      S 05 00
      C 05 01 00 03 ${name} 00 50
      S 05 01 00 01 00 00 00 00 00 00
    `,
    throws: 'DH_SOCKS_FORM',
  })
}

t.test('the refusal of the methods tells what was offered and what is wanted', async (t) => {
  const offer =
    (...methods: number[]) =>
    () =>
      heard(acceptSocks(either), Uint8Array.of(5, methods.length, ...methods))
  t.throws(offer(1, 128), { message: /offers methods 1 128, .*\(2 or 0\)/ })
  t.throws(offer(), { message: /offers methods none, / })
})

t.test('a verifier sees every login, once', async (t) => {
  const seen: Credentials[] = []
  const policy: LoginPolicy = {
    methods: ['password'],
    verify: (credentials) => {
      seen.push(credentials)
      return false
    },
  }
  const dialogue = new Dialogue(acceptSocks(policy), () => {})
  dialogue.feed(Uint8Array.of(5, 1, 2))
  t.throws(() => dialogue.feed(Uint8Array.of(1, 1, 0x75, 1, 0x70)), { code: 'DH_SOCKS_LOGIN' })
  t.same(seen, [{ username: 'u', password: 'p' }])
})

t.test('a login that was refused is in no message', async (t) => {
  const dialogue = new Dialogue(acceptSocks(guarded), () => {})
  dialogue.feed(Uint8Array.of(5, 1, 2))
  try {
    dialogue.feed(Buffer.from('\x01\x05alice\x07s3cr3t!', 'latin1'))
    t.fail('a wrong password was taken')
  } catch (caught) {
    t.ok(isFault(caught, 'DH_SOCKS_LOGIN'))
    t.notMatch(JSON.stringify(caught) + String(caught), /s3cr3t|alice/)
  }
})

const policies = fc.constantFrom(open, login, either, guarded)
const greeting = arbitrary.nearly(
  fc.constantFrom(
    Buffer.from('\x05\x01\x00\x05\x01\x00\x01\x0a\x00\x00\x05\x0a\x26', 'latin1'),
    Buffer.from('\x05\x02\x00\x02\x01\x01u\x01p\x05\x01\x00\x03\x03sta\x1f\x90', 'latin1'),
    Buffer.from(`\x05\x01\x02\x01\x01u\x01p\x05\x01\x00\x04${'\x01'.repeat(18)}`, 'latin1'),
  ),
)

throwsOnlyFaults(
  t,
  'no bytes make the server throw anything but a Fault',
  fc.tuple(policies, greeting),
  ([policy, bytes]) => heard(acceptSocks(policy), bytes),
)

holds<[LoginPolicy, Uint8Array, number]>(
  t,
  'no bytes are judged otherwise when they come in two pieces',
  [policies, greeting, fc.nat()],
  (policy, bytes, cut) => {
    const told = (...pieces: Uint8Array[]) => {
      const said: string[] = []
      try {
        const dialogue = new Dialogue(acceptSocks(policy), (piece) => said.push(piece.toHex()))
        for (const piece of pieces) dialogue.feed(piece)
        return { said, outcome: dialogue.outcome, unread: dialogue.unread.toHex() }
      } catch (caught) {
        return { said, fault: String(caught) }
      }
    }
    const at = cut % (bytes.length + 1)
    assert.deepEqual(told(bytes.subarray(0, at), bytes.subarray(at)), told(bytes))
  },
  { runs: 3000 },
)
