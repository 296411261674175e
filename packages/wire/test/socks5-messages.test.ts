import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { concat } from '../src/conversation.ts'
import type { Endpoint } from '../src/endpoint.ts'
import { formatIp, parseIp } from '../src/ip.ts'
import { requestSocks } from '../src/socks5-client.ts'
import {
  encodeAddress,
  encodeReply,
  REPLY,
  type Reply,
  type SocksDestination,
  takeAddress,
} from '../src/socks5-messages.ts'
import * as arbitrary from './arbitraries.ts'
import { heard } from './converse.ts'
import { holds, throwsOnlyFaults } from './property.ts'
import { transcript } from './transcript.ts'

const address = (type: number) => ({ speaks: 'S' as const, conversation: () => takeAddress(type) })

transcript(t, 'four bytes are an IPv4 address', {
  ...address(1),
  wire: 'C 0a 01 00 ff 00 50',
  returns: { type: 'ipv4', host: '10.1.0.255', port: 80 },
})

transcript(t, 'sixteen bytes are an IPv6 address', {
  ...address(4),
  wire: 'C 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 01 bb',
  returns: { type: 'ipv6', host: '2001:db8::1', port: 443 },
})

transcript(t, 'a name is taken as it is spelt, and is not looked at further', {
  ...address(3),
  wire: 'C 0b "WWW.[a] ;b~" 00 00',
  returns: { type: 'name', host: 'WWW.[a] ;b~', port: 0 },
})

transcript(t, 'a name that spells an address stays a name', {
  ...address(3),
  wire: 'C 09 "127.0.0.1" 00 50',
  returns: { type: 'name', host: '127.0.0.1', port: 80 },
})

transcript(t, 'an empty name is read with its port and then called malformed', {
  ...address(3),
  wire: 'C 00 00 50',
  returns: 'malformed name',
})

transcript(t, 'an unknown type is called so without reading on', {
  ...address(2),
  wire: '',
  returns: 'unknown type',
})

t.test('an address is sent as what it spells', async (t) => {
  const sent = (host: string, port: number) => encodeAddress({ host, port }).toHex()
  t.equal(sent('10.0.0.5', 2598), '010a0000050a26')
  t.equal(sent('2001:db8::1', 65535), '0420010db8000000000000000000000001ffff')
  t.equal(sent('a.example', 80), '0309612e6578616d706c650050')
  t.equal(sent('10.0.0.256', 80), '030a31302e302e302e3235360050', 'no address, so a name')
})

t.test('a name has 1 to 255 bytes', async (t) => {
  t.throws(() => encodeAddress({ host: '', port: 1 }), { name: 'RangeError' })
  t.throws(() => encodeAddress({ host: 'ü'.repeat(128), port: 1 }), { name: 'RangeError' })
  t.equal(encodeAddress({ host: 'a'.repeat(255), port: 1 }).length, 259)
})

t.test('a reply is whole, ten bytes at least', async (t) => {
  t.equal(encodeReply(REPLY.succeeded).toHex(), '05000001000000000000')
  t.equal(encodeReply(REPLY.denied).toHex(), '05020001000000000000')
  t.equal(encodeReply(REPLY.succeeded, { host: '::1', port: 1 }).toHex().length, 2 * 22)
})

const printable = fc.stringMatching(/^[ -~]{1,255}$/)
const named = fc.oneof(arbitrary.hostName, printable).filter((host) => parseIp(host) === undefined)
const destination: fc.Arbitrary<SocksDestination> = fc.oneof(
  arbitrary.record({
    type: fc.constant('ipv4'),
    host: arbitrary.ipv4.map(formatIp),
    port: arbitrary.port,
  }),
  arbitrary.record({
    type: fc.constant('ipv6'),
    host: arbitrary.ipv6.map(formatIp),
    port: arbitrary.port,
  }),
  arbitrary.record({ type: fc.constant('name'), host: named, port: arbitrary.port }),
)

holds<[SocksDestination]>(
  t,
  'an address field that is written reads the same',
  [destination],
  (given) => {
    const [type = 0, ...field] = encodeAddress(given)
    assert.deepEqual(heard(takeAddress(type), Uint8Array.from(field)), given)
  },
)

holds<[SocksDestination]>(t, 'a bound address comes back in the reply', [destination], (bound) => {
  const answers = concat(Uint8Array.of(5, 0), encodeReply(REPLY.succeeded, bound))
  assert.deepEqual(heard(requestSocks({ host: 'a', port: 1 }), answers), bound)
})

holds<[Reply, Endpoint]>(
  t,
  'every other reply refuses, whatever it says it bound',
  [
    fc.constantFrom(...Object.values(REPLY).filter((reply) => reply !== REPLY.succeeded)),
    destination,
  ],
  (reply, bound) => {
    const answers = concat(Uint8Array.of(5, 0), encodeReply(reply, bound))
    assert.throws(() => heard(requestSocks({ host: 'a', port: 1 }), answers), { name: 'Fault' })
  },
)

throwsOnlyFaults(
  t,
  'no address field makes the reader throw',
  fc.tuple(fc.nat({ max: 255 }), fc.uint8Array({ maxLength: 300 })),
  ([type, bytes]) => heard(takeAddress(type), bytes),
)
