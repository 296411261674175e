import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import {
  contains,
  formatIp,
  type Network,
  parseIp,
  parseNetwork,
  sourceOf,
  unmapped,
} from '../src/ip.ts'
import * as arbitrary from './arbitraries.ts'
import { holds } from './property.ts'

const canonical = (text: string) => {
  const bytes = parseIp(text)
  return bytes && formatIp(bytes)
}

t.test('every spelling of an address has one canonical form', async (t) => {
  const spellings = {
    '0.0.0.0': '0.0.0.0',
    '255.255.255.255': '255.255.255.255',
    '::': '::',
    '0:0:0:0:0:0:0:0': '::',
    '::1': '::1',
    '1::': '1::',
    '2001:DB8::A': '2001:db8::a',
    '2001:0db8:0000:0000:0001:0000:0000:0001': '2001:db8::1:0:0:1',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
    '1:2:3:4:5:6:7::': '1:2:3:4:5:6:7:0',
    '::2:3:4:5:6:7:8': '0:2:3:4:5:6:7:8',
    '::ffff:192.0.2.1': '::ffff:c000:201',
    '64:ff9b::192.0.2.33': '64:ff9b::c000:221',
    '1:2:3:4:5:6:1.2.3.4': '1:2:3:4:5:6:102:304',
    'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255': 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  }
  for (const [text, expected] of Object.entries(spellings)) t.equal(canonical(text), expected, text)
})

t.test('what is no address is none', async (t) => {
  const others = [
    ...['', ' ', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.04', '1.2.3.', '+1.2.3.4'],
    ...['0x7f.0.0.1', '2130706433', '1.2.3.4 ', ' 1.2.3.4', '１.2.3.4', '1.2.3.-1', '1e1.2.3.4'],
    ...[':', ':::', '1:2', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4::5:6:7:8', '1::2::3'],
    ...[
      '12345::',
      'g::',
      '::1%eth0',
      '[::1]',
      '::1 ',
      ':1::2',
      '1::2:',
      '1.2.3.4::',
      '::1.2.3.4:5',
    ],
    ...['::1.2.3', '::1.2.3.256', '::01.2.3.4', `::${'0'.repeat(60)}1`, '1:::2', '::/0'],
  ]
  for (const other of others) t.equal(parseIp(other), undefined, JSON.stringify(other))
})

t.test('the peer of a dual-stack socket is called by its IPv4 address', async (t) => {
  t.equal(unmapped('::ffff:127.0.0.1'), '127.0.0.1')
  t.equal(unmapped('::FFFF:7f00:1'), '127.0.0.1')
  t.equal(unmapped('::ffff:203.0.113.9'), '203.0.113.9')
  t.equal(unmapped('127.0.0.1'), '127.0.0.1')
  t.equal(unmapped('2001:DB8:0::1'), '2001:db8::1')
  t.equal(unmapped('::fffe:127.0.0.1'), '::fffe:7f00:1', 'another prefix')
  t.equal(unmapped('fe80::1%eth0'), 'fe80::1', 'the interface that a neighbour came by')
  t.equal(unmapped('127.0.0.1%lo'), '127.0.0.1%lo', 'what is no address stays as it is')
})

t.test('a source is an IPv4 address, or the /64 of an IPv6 address', async (t) => {
  const sources = {
    '203.0.113.9': '203.0.113.9',
    '::ffff:203.0.113.9': '203.0.113.9',
    '::FFFF:cb00:7109': '203.0.113.9',
    '2001:db8::1': '2001:db8::/64',
    '2001:DB8:0:0:ffff:ffff:ffff:ffff': '2001:db8::/64',
    '2001:db8:0:1::1': '2001:db8:0:1::/64',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '::1': '::/64',
    '64:ff9b::203.0.113.9': '64:ff9b::/64',
    'fe80::1%eth0': 'fe80::/64',
  }
  for (const [address, source] of Object.entries(sources))
    t.equal(sourceOf(address), source, address)
})

holds<[Uint8Array, Uint8Array]>(
  t,
  'two IPv6 addresses are one source when their first 64 bits are the same',
  [arbitrary.ipv6, arbitrary.ipv6],
  (one, other) => {
    const neighbour = Uint8Array.from(other, (byte, at) => (at < 8 ? (one[at] ?? 0) : byte))
    // What is IPv4-mapped counts as the IPv4 address it spells.
    const isMapped = [one, neighbour].some((bytes) => unmapped(formatIp(bytes)).includes('.'))
    if (!isMapped) assert.equal(sourceOf(formatIp(one)), sourceOf(formatIp(neighbour)))
    neighbour[7] = (neighbour[7] ?? 0) ^ 1
    assert.notEqual(sourceOf(formatIp(one)), sourceOf(formatIp(neighbour)))
  },
)

t.test('a network is an address and how many bits of it count', async (t) => {
  const bits = (text: string) => parseNetwork(text)?.bits
  t.equal(bits('10.0.0.0/8'), 8)
  t.equal(bits('10.0.0.1'), 32)
  t.equal(bits('fd00::/8'), 8)
  t.equal(bits('::1'), 128)
  t.equal(bits('0.0.0.0/0'), 0)
  t.equal(bits('::/128'), 128)
  for (const bad of [
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
  ]) {
    t.equal(bits(bad), undefined, JSON.stringify(bad))
  }
  for (const bad of [
    '10.0.0.0/ 8',
    '10.0.0.0/8 ',
    '10.0.0.0/0x8',
    '10.0.0.0/1e1',
    '10/8',
    'a/8',
    '10.0.0.0/0008',
  ]) {
    t.equal(bits(bad), undefined, JSON.stringify(bad))
  }
})

t.test('an IPv4 network holds no IPv6 address, nor the other way round', async (t) => {
  const all4 = parseNetwork('0.0.0.0/0') as Network
  const all6 = parseNetwork('::/0') as Network
  const [v4, mapped] = [parseIp('10.0.0.1'), parseIp('::ffff:10.0.0.1')] as [Uint8Array, Uint8Array]
  t.ok(contains(all4, v4))
  t.notOk(contains(all4, mapped))
  t.notOk(contains(all6, v4))
  t.ok(contains(all6, mapped))
})

holds<[Uint8Array]>(t, 'bytes that become text read the same', [arbitrary.ip], (bytes) => {
  const text = formatIp(bytes)
  assert.deepEqual(parseIp(text), bytes)
  assert.equal(canonical(text), text, 'and the text is canonical')
})

/** Text made of the parts of an address, right or wrong. */
const piece = fc.oneof(
  { arbitrary: fc.constantFrom(':', '::', ':', '.'), weight: 6 },
  { arbitrary: fc.integer({ min: 0, max: 0xffff }).map((word) => word.toString(16)), weight: 4 },
  {
    arbitrary: fc.constantFrom('0', '00', '0000', '12345', 'G', 'ABCD', '1.2.3.4', '1.2.3.256'),
    weight: 1,
  },
)
const soup = fc.array(piece, { maxLength: 17 }).map((pieces) => pieces.join(''))
const spelling = fc.oneof(
  soup,
  fc
    .tuple(fc.array(piece, { minLength: 8, maxLength: 8 }), fc.nat({ max: 8 }))
    .map(([pieces, gap]) =>
      pieces
        .map((one) => (one.includes(':') ? '0' : one))
        .map((one, at) => (at === gap ? '' : one))
        .join(':'),
    ),
  arbitrary.ip.map(formatIp),
  fc.ipV6(),
  fc.ipV4(),
  fc.tuple(fc.ipV6(), fc.nat(), fc.constantFrom('', ':', '0', '.')).map(([ip, at, more]) => {
    const cut = at % (ip.length + 1)
    return ip.slice(0, cut) + more + ip.slice(cut + 1)
  }),
)

holds<[string]>(
  t,
  'we take for an address what node:net takes for one',
  [spelling],
  (text) => assert.equal(parseIp(text)?.length ?? 0, { 0: 0, 4: 4, 6: 16 }[isIP(text)], text),
  { runs: 10_000 },
)

holds<[string]>(
  t,
  'we read and write IPv6 as a URL does',
  [spelling.filter((text) => text.includes(':'))],
  (text) => {
    const url = `http://[${text}]/`
    assert.equal(parseIp(text) !== undefined, URL.canParse(url), text)
    if (parseIp(text)) assert.equal(`[${canonical(text)}]`, new URL(url).hostname)
  },
  { runs: 5000 },
)

/** An address in or near the network: some of its first bits are the network's. */
const networkAndAddress = fc
  .tuple(
    fc.oneof(fc.tuple(arbitrary.ipv4, arbitrary.ipv4), fc.tuple(arbitrary.ipv6, arbitrary.ipv6)),
    fc.nat(),
    fc.nat(),
  )
  .map(([[first, second], bitsSeed, sameSeed]) => {
    const size = first.length * 8
    const same = sameSeed % (size + 1)
    const address = second.map((byte, at) => {
      const mask = (0xff00 >> Math.min(8, Math.max(0, same - at * 8))) & 0xff
      return ((first[at] ?? 0) & mask) | (byte & ~mask & 0xff)
    })
    return { network: { address: first, bits: bitsSeed % (size + 1) }, address }
  })

let held = 0
holds<[{ network: Network; address: Uint8Array }]>(
  t,
  'a network holds what the BlockList of node:net holds',
  [networkAndAddress],
  ({ network, address }) => {
    const family = address.length === 4 ? 'ipv4' : 'ipv6'
    const list = new BlockList()
    list.addSubnet(formatIp(network.address), network.bits, family)
    const expected = list.check(formatIp(address), family)
    if (expected) held++
    assert.equal(contains(network, address), expected)
    const text = `${formatIp(network.address)}/${network.bits}`
    assert.deepEqual(parseNetwork(text), network)
  },
  { runs: 5000 },
)
t.test('and that was asked of addresses inside and outside', async (t) => {
  t.ok(held > 1000 && held < 4000, `${held} of 5000 were inside`)
})
