import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  canonicalHost,
  type Endpoint,
  formatEndpoint,
  parseEndpoint,
  sameEndpoint,
} from '../src/endpoint.ts'
import * as arbitrary from './arbitraries.ts'
import { holds, throwsOnlyFaults } from './property.ts'

t.test('an endpoint is a host and a port, both in one spelling', async (t) => {
  const spellings = {
    'Gateway.Example:443': { host: 'gateway.example', port: 443 },
    '10.0.0.5:1494': { host: '10.0.0.5', port: 1494 },
    '[FD00:0::5]:2598': { host: 'fd00::5', port: 2598 },
    '[::ffff:10.0.0.1]:0': { host: '::ffff:a00:1', port: 0 },
    'vda_1:65535': { host: 'vda_1', port: 65535 },
    'a:00080': { host: 'a', port: 80 },
  }
  for (const [text, endpoint] of Object.entries(spellings))
    t.same(parseEndpoint(text), endpoint, text)
})

t.test('what is no endpoint is none', async (t) => {
  const others = [
    ...[
      '',
      ':',
      'a',
      'a:',
      ':80',
      'a:65536',
      'a:123456',
      'a:-1',
      'a:8 0',
      'a: 80',
      ' a:80',
      'a:80 ',
    ],
    ...[
      'a:000080',
      'a:80\n',
      'a:٨',
      'a:0x50',
      '::1:80',
      'fd00::5:2598',
      '[::1]',
      '[::1]80',
      '[::1:80',
      '::1]:80',
    ],
    ...['[]:80', '[1.2.3.4]:80', '[a]:80', '[::1%eth0]:80', '[[::1]]:80', 'a:b:80', 'a/b:80'],
    ...[
      'http://a:80',
      'u@a:80',
      ';40;STA1;0123:80',
      '10.0.0.256:80',
      '1.2.3:80',
      '-a:80',
      'a..b:80',
    ],
  ]
  for (const other of others) t.equal(parseEndpoint(other), undefined, JSON.stringify(other))
})

t.test('a name is labels of letters, digits, hyphens and underscores', async (t) => {
  const label63 = 'a'.repeat(63)
  const name253 = [label63, label63, label63, 'a'.repeat(61)].join('.')
  for (const name of [
    'a',
    'A-b_c.example',
    '1a',
    '10.example',
    'xn--mnchen-3ya',
    label63,
    name253,
  ]) {
    t.equal(canonicalHost(name), name.toLowerCase(), name)
  }
  const others = [
    ...[
      '',
      '.',
      '..',
      '.a',
      'a..b',
      '-a',
      'a-',
      'a b',
      'ä',
      'a;b',
      'a*',
      `${label63}a`,
      `${name253}a`,
    ],
    ...['\u212a', 'ſ', 'a\u0000', 'a\n'],
  ]
  for (const other of others) t.equal(canonicalHost(other), undefined, JSON.stringify(other))
})

t.test('a dot at the end says that the name is whole, and makes it another name', async (t) => {
  t.equal(canonicalHost('A.example.'), 'a.example.')
  t.equal(canonicalHost('a.'), 'a.')
})

t.test('no name is another spelling of an IPv4 address', async (t) => {
  const numbers = [
    '127.1',
    '2130706433',
    '0x7f000001',
    '0X7F000001',
    '0X7F.1',
    '127.0.0.0x1',
    '017700000001',
    '1.2.3.0x',
    '1.2.3.4.',
  ]
  for (const number of numbers) t.equal(canonicalHost(number), undefined, number)
})

t.test('the same place is the same host and port', async (t) => {
  const one = { host: 'a', port: 1 }
  t.ok(sameEndpoint(one, { host: 'a', port: 1 }))
  t.notOk(sameEndpoint(one, { host: 'b', port: 1 }))
  t.notOk(sameEndpoint(one, { host: 'a', port: 2 }))
})

holds<[Endpoint]>(
  t,
  'an endpoint that is written reads the same',
  [arbitrary.endpoint],
  (endpoint) => {
    assert.deepEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint)
  },
)

const text = arbitrary.nearlyText(arbitrary.endpoint.map(formatEndpoint))

holds<[string]>(
  t,
  'what reads as an endpoint is written canonically, once and for all',
  [text],
  (one) => {
    const endpoint = parseEndpoint(one)
    if (endpoint === undefined) return
    assert.deepEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint)
    assert.equal(canonicalHost(endpoint.host), endpoint.host)
    assert.ok(endpoint.port >= 0 && endpoint.port <= 65535)
  },
)

const hostText = fc.oneof(
  arbitrary.hostName,
  fc.stringMatching(/^[0-9a-fA-Fx.]{1,12}$/),
  fc.stringMatching(/^[0-9]{1,3}(\.(0x)?[0-9]{0,3}){0,3}$/),
)
holds<[string]>(
  t,
  'no host is taken for a name that a URL takes for an address',
  [hostText],
  (one) => {
    const host = canonicalHost(one)
    if (host === undefined || !URL.canParse(`http://${one}/`)) return
    assert.equal(new URL(`http://${one}/`).hostname, host)
  },
  { runs: 5000 },
)

throwsOnlyFaults(t, 'no text makes the reader of an endpoint throw', text, parseEndpoint)
