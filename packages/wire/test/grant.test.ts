import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { isFault } from '@doublehop/errors/fault'
import fc from 'fast-check'
import t from 'tap'
import type { Endpoint } from '../src/endpoint.ts'
import { checkGrant, type GrantedAddresses, type GrantScope, mintGrant } from '../src/grant.ts'
import * as arbitrary from './arbitraries.ts'
import { holds, throwsOnlyFaults } from './property.ts'

const NOW = 1_800_000_000_000
const EXPIRES = NOW + 10_000
const key = new Uint8Array(32).fill(7)
const random = Uint8Array.from({ length: 80 }, (_, at) => at + 1)
const scope: GrantScope = {
  session: '0123456789abcdef0123456789abcdef',
  gateway: 'gateway.example',
  proxy: 'proxy-1.example',
}
const cgp: Endpoint = { host: '10.0.0.5', port: 2598 }
const ica: Endpoint = { host: 'fd00::5', port: 1494 }

const mint = (addresses: GrantedAddresses = { cgp, ica }) =>
  mintGrant(key, scope, addresses, EXPIRES, random)
const check = (token: string, destination = cgp, given = scope, keys = [key], now = NOW) =>
  checkGrant(token, keys, given, destination, now)

t.test('a grant holds for each of the two addresses it was minted for', async (t) => {
  const token = mint()
  t.same(check(token, cgp), { id: '0102030405060708090a0b0c0d0e0f10', expiresAt: EXPIRES })
  t.same(check(token, ica), { id: '0102030405060708090a0b0c0d0e0f10', expiresAt: EXPIRES })
})

t.test(
  'a token is 120 characters of base64url: room in the password of a SOCKS login',
  async (t) => {
    t.match(mint(), /^[A-Za-z0-9_-]{120}$/)
    const [version, keyId] = Uint8Array.fromBase64(mint(), { alphabet: 'base64url' })
    t.equal(version, 1)
    t.equal(keyId, createHash('sha256').update(key).digest()[0])
  },
)

t.test('a grant covers no other destination', async (t) => {
  const token = mint()
  const others: Endpoint[] = [
    { host: '10.0.0.6', port: 2598 },
    { host: '10.0.0.5', port: 2599 },
    { host: '10.0.0.5', port: 1494 },
    { host: 'fd00::5', port: 2598 },
    { host: 'fd00::6', port: 1494 },
    { host: '10.0.0.5:2598', port: 2598 },
    { host: '', port: 0 },
  ]
  for (const other of others) t.throws(() => check(token, other), { code: 'DH_GRANT_MISMATCH' })
})

t.test('a grant is for one session, one gateway and one proxy', async (t) => {
  const others: Partial<GrantScope>[] = [
    { session: '0123456789abcdef0123456789abcdee' },
    { session: '' },
    { gateway: 'gateway2.example' },
    { gateway: '10.0.1.1' },
    { proxy: 'proxy-2.example' },
    { proxy: '' },
    { session: scope.gateway, gateway: scope.session },
    { gateway: `${scope.gateway}p`, proxy: scope.proxy.slice(1) },
    { session: scope.session.slice(0, -1), gateway: `f${scope.gateway}` },
  ]
  for (const other of others) {
    const presented = { ...scope, ...other }
    t.throws(
      () => check(mint(), cgp, presented),
      { code: 'DH_GRANT_MISMATCH' },
      JSON.stringify(other),
    )
  }
})

t.test('no field of the scope can be stretched over the next', async (t) => {
  const pairs: [GrantScope, GrantScope][] = [
    [
      { session: 'a\0\0b', gateway: 'c', proxy: '' },
      { session: 'a', gateway: 'b\0\0c', proxy: '' },
    ],
    [
      { session: 'a\0\u0001b', gateway: 'c', proxy: '' },
      { session: 'a', gateway: 'b', proxy: 'c' },
    ],
    [
      { session: `\0${'x'.repeat(255)}`, gateway: '', proxy: '' },
      { session: '', gateway: 'x'.repeat(255), proxy: '' },
    ],
  ]
  for (const [one, other] of pairs) {
    const token = mintGrant(key, one, { cgp }, EXPIRES, random)
    t.ok(check(token, cgp, one))
    t.throws(() => check(token, cgp, other), { code: 'DH_GRANT_MISMATCH' })
  }
})

t.test('where proxies share what is spent, the proxy is left open for all of them', async (t) => {
  const shared = { ...scope, proxy: '' }
  const token = mintGrant(key, shared, { cgp }, EXPIRES, random)
  t.equal(check(token, cgp, shared).expiresAt, EXPIRES)
  t.throws(() => check(token, cgp, scope), { code: 'DH_GRANT_MISMATCH' })
})

t.test('a grant ends at exactly its time', async (t) => {
  const token = mint()
  t.ok(check(token, cgp, scope, [key], EXPIRES - 1))
  for (const late of [EXPIRES, EXPIRES + 1, EXPIRES + 1e9]) {
    t.throws(() => check(token, cgp, scope, [key], late), { code: 'DH_GRANT_EXPIRED' })
  }
  const elsewhere = { host: '10.9.9.9', port: 1 }
  t.throws(() => check(token, elsewhere, scope, [key], EXPIRES), { code: 'DH_GRANT_MISMATCH' })
})

t.test('keys rotate: two are valid for a while, then the old one is not', async (t) => {
  const next = new Uint8Array(32).fill(8)
  const oldToken = mint()
  const newToken = mintGrant(next, scope, { cgp, ica }, EXPIRES, random)
  for (const keys of [
    [next, key],
    [key, next],
  ]) {
    t.ok(check(oldToken, cgp, scope, keys))
    t.ok(check(newToken, cgp, scope, keys))
  }
  t.throws(() => check(oldToken, cgp, scope, [next]), { code: 'DH_GRANT_MISMATCH' })
  t.throws(() => check(newToken, cgp, scope, [key]), { code: 'DH_GRANT_MISMATCH' })
  t.throws(() => check(oldToken, cgp, scope, []), { code: 'DH_GRANT_MISMATCH' })
})

t.test('two keys with the same key id are both tried', async (t) => {
  const keyId = (one: Uint8Array) => createHash('sha256').update(one).digest()[0]
  const twin = new Uint8Array(32)
  while (keyId(twin) !== keyId(key))
    new DataView(twin.buffer).setUint32(0, new DataView(twin.buffer).getUint32(0) + 1)
  const token = mintGrant(twin, scope, { cgp }, EXPIRES, random)
  t.ok(check(token, cgp, scope, [key, twin]))
  t.ok(check(mint(), cgp, scope, [twin, key]))
  t.throws(() => check(token, cgp, scope, [key]), { code: 'DH_GRANT_MISMATCH' })
})

t.test('an address that the ticket did not have is never matched', async (t) => {
  const onlyCgp = mint({ cgp })
  t.ok(check(onlyCgp, cgp))
  t.throws(() => check(onlyCgp, ica), { code: 'DH_GRANT_MISMATCH' })
  const onlyIca = mint({ ica })
  t.ok(check(onlyIca, ica))
  t.throws(() => check(onlyIca, cgp), { code: 'DH_GRANT_MISMATCH' })
  for (const destination of [cgp, ica, { host: '', port: 0 }, { host: 'undefined', port: 0 }]) {
    t.throws(() => check(mint({}), destination), { code: 'DH_GRANT_MISMATCH' })
  }
  t.equal(onlyCgp.length, mint().length, 'nor can it be seen from outside')
})

/** The part of a token that speaks for this address: its head and one of the two MACs. */
function speaksFor(token: string, address: 'cgp' | 'ica'): string {
  const bytes = Uint8Array.fromBase64(token, { alphabet: 'base64url' })
  return (
    bytes.subarray(0, 26).toHex() +
    bytes.subarray(...(address === 'cgp' ? [26, 58] : [58, 90])).toHex()
  )
}

t.test(
  'no character can be changed in what speaks for an address, and no other character gains one',
  async (t) => {
    const token = mint()
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const refusedAt = { cgp: new Set<number>(), ica: new Set<number>() }
    const taken: string[] = []
    for (let at = 0; at < token.length; at++) {
      for (const character of alphabet) {
        const forged = token.slice(0, at) + character + token.slice(at + 1)
        if (forged === token) continue
        for (const [name, destination] of [
          ['cgp', cgp],
          ['ica', ica],
        ] as const) {
          try {
            const { id } = check(forged, destination)
            const same =
              speaksFor(forged, name) === speaksFor(token, name) &&
              id === check(token, destination).id
            if (!same) taken.push(`${name} at ${at}: ${character}`)
          } catch (caught) {
            if (!isFault(caught, 'DH_GRANT_MISMATCH', 'DH_GRANT_FORM')) throw caught
            refusedAt[name].add(at)
          }
        }
      }
    }
    t.same(taken, [])
    const everywhere = new Set([...refusedAt.cgp, ...refusedAt.ica])
    t.equal(everywhere.size, 120, 'each of the 120 characters speaks for one address or both')
    t.same(
      [...refusedAt.cgp],
      Array.from({ length: 78 }, (_, at) => at),
      'the first 78 for the CGP address',
    )
  },
)

t.test('a token for one address, put together from two grants, is none', async (t) => {
  const bytes = (token: string) => Uint8Array.fromBase64(token, { alphabet: 'base64url' })
  const other = mintGrant(
    key,
    scope,
    { cgp: { host: '10.9.9.9', port: 1 }, ica },
    EXPIRES,
    randomBytes(80),
  )
  const spliced = bytes(mint())
  spliced.set(bytes(other).subarray(26, 58), 26)
  const token = spliced.toBase64({ alphabet: 'base64url', omitPadding: true })
  t.throws(() => check(token, { host: '10.9.9.9', port: 1 }), { code: 'DH_GRANT_MISMATCH' })
  t.throws(() => check(token, cgp), { code: 'DH_GRANT_MISMATCH' })
})

t.test('what has not the form of a grant is refused as such', async (t) => {
  const token = mint()
  const others = [
    '',
    '-',
    token.slice(1),
    token.slice(0, -1),
    `${token}A`,
    `${token}\n`,
    ` ${token.slice(1)}`,
  ]
  const characters = [
    `${token.slice(0, -1)}=`,
    `${token.slice(0, -1)}+`,
    `${token.slice(0, -1)}/`,
    `${token.slice(0, -1)}é`,
  ]
  for (const other of [...others, ...characters]) {
    t.throws(() => check(other), { code: 'DH_GRANT_FORM' }, JSON.stringify(other))
  }
  for (let length = 0; length < 120; length++) {
    t.throws(() => check(token.slice(0, length)), { code: 'DH_GRANT_FORM' })
  }
  t.throws(() => check(`Ag${token.slice(2)}`), { code: 'DH_GRANT_FORM', message: /version 2/ })
})

t.test('neither token nor key is in a refusal', async (t) => {
  const token = mint()
  const refusals = [
    () => check(token, { host: 'a', port: 1 }),
    () => check(token, cgp, scope, [key], EXPIRES),
    () => check(token.slice(1)),
  ]
  for (const refusal of refusals) {
    try {
      refusal()
      t.fail('it was taken')
    } catch (caught) {
      t.notMatch(JSON.stringify(caught) + String(caught), new RegExp(token.slice(40, 60)))
    }
  }
})

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const given = arbitrary.record<{
  key: Uint8Array
  scope: GrantScope
  cgp: Endpoint
  ica: Endpoint
  expiresAt: number
  random: Uint8Array
}>({
  key: bytes(32),
  scope: arbitrary.record<GrantScope>({
    session: fc.string(),
    gateway: fc.string(),
    proxy: fc.string(),
  }),
  cgp: arbitrary.endpoint,
  ica: arbitrary.endpoint,
  expiresAt: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  random: bytes(80),
})

holds<[typeof given extends fc.Arbitrary<infer Given> ? Given : never]>(
  t,
  'whatever is granted is granted until it expires, and to nobody else',
  [given],
  ({ key, scope, cgp, ica, expiresAt, random }) => {
    const token = mintGrant(key, scope, { cgp, ica }, expiresAt, random)
    const expected = { id: random.subarray(0, 16).toHex(), expiresAt }
    for (const destination of [cgp, ica]) {
      assert.deepEqual(checkGrant(token, [key], scope, destination, expiresAt - 1), expected)
      const other = { ...scope, gateway: `${scope.gateway}.` }
      assert.throws(() => checkGrant(token, [key], other, destination, 0), {
        code: 'DH_GRANT_MISMATCH',
      })
    }
  },
  { runs: 500 },
)

throwsOnlyFaults(
  t,
  'no password makes the reader of a grant throw anything but a Fault',
  fc.oneof(
    arbitrary.nearlyText(fc.constant(mint())),
    bytes(90).map((one) => one.toBase64({ alphabet: 'base64url' })),
  ),
  check,
)
