import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { concat, Dialogue } from '../src/conversation.ts'
import type { Endpoint } from '../src/endpoint.ts'
import { formatIp } from '../src/ip.ts'
import { acceptProxyHeader, encodeProxyHeader } from '../src/proxy-protocol.ts'
import * as arbitrary from './arbitraries.ts'
import { heard } from './converse.ts'
import { holds, throwsOnlyFaults } from './property.ts'
import { transcript } from './transcript.ts'

const SIGNATURE = '0d 0a 0d 0a 00 0d 0a "QUIT" 0a'
const accept = { speaks: 'S' as const, conversation: acceptProxyHeader }

transcript(t, 'a TCP connection over IPv4', {
  ...accept,
  wire: `C ${SIGNATURE} 21 11 00 0c  c6 33 64 07  0a 00 00 01  c3 50 01 bb`,
  returns: { host: '198.51.100.7', port: 50000 },
})

transcript(t, 'a TCP connection over IPv6', {
  ...accept,
  wire: `C ${SIGNATURE} 21 21 00 24
    C 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 07
    C fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01
    C c3 50 01 bb`,
  returns: { host: '2001:db8::7', port: 50000 },
})

transcript(t, 'what stands behind the addresses is read and left alone', {
  ...accept,
  wire: `C ${SIGNATURE} 21 11 00 11  c6 33 64 07  0a 00 00 01  c3 50 01 bb  04 00 02 aa bb`,
  returns: { host: '198.51.100.7', port: 50000 },
})

transcript(t, 'LOCAL: the sender speaks for itself, whatever addresses it names', {
  ...accept,
  wire: `C ${SIGNATURE} 20 11 00 0c  c6 33 64 07  0a 00 00 01  c3 50 01 bb`,
  returns: null,
})

transcript(t, 'LOCAL without addresses, as a health check sends it', {
  ...accept,
  wire: `C ${SIGNATURE} 20 00 00 00`,
  returns: null,
})

for (const family of ['00', '10', '01', '12', '22', '30', '31', '32']) {
  transcript(t, `family ${family} is none of ours: the real peer counts`, {
    ...accept,
    wire: `C ${SIGNATURE} 21 ${family} 00 02  aa bb`,
    returns: null,
  })
}

for (const family of ['40', '13', '2f', 'ff']) {
  transcript(t, `family ${family} is none at all, and is refused`, {
    ...accept,
    wire: `C ${SIGNATURE} 21 ${family} 00 0c  c6 33 64 07  0a 00 00 01  c3 50 01 bb`,
    throws: 'DH_PROXY_HEADER',
  })
}

transcript(t, '536 bytes of body are taken', {
  ...accept,
  wire: `C ${SIGNATURE} 21 11 02 18  c6 33 64 07  0a 00 00 01  c3 50 01 bb ${'04 '.repeat(524)}`,
  returns: { host: '198.51.100.7', port: 50000 },
})

transcript(t, '537 bytes of body are refused before they come', {
  ...accept,
  wire: `C ${SIGNATURE} 21 11 02 19`,
  throws: 'DH_PROXY_HEADER',
})

for (const command of ['11', '22', '2f', '31', '00']) {
  transcript(t, `version and command ${command} are not ours`, {
    ...accept,
    wire: `C ${SIGNATURE} ${command} 11 00 0c  c6 33 64 07  0a 00 00 01  c3 50 01 bb`,
    throws: 'DH_PROXY_HEADER',
  })
}

transcript(t, 'addresses that are cut off: IPv4', {
  ...accept,
  wire: `C ${SIGNATURE} 21 11 00 0b  c6 33 64 07  0a 00 00 01  c3 50 01`,
  throws: 'DH_PROXY_HEADER',
})

transcript(t, 'addresses that are cut off: IPv6 with the length of IPv4', {
  ...accept,
  wire: `C ${SIGNATURE} 21 21 00 0c  c6 33 64 07  0a 00 00 01  c3 50 01 bb`,
  throws: 'DH_PROXY_HEADER',
})

transcript(t, 'version 1, which is text, is refused', {
  ...accept,
  wire: 'C "PROXY TCP4 1"',
  throws: 'DH_PROXY_HEADER',
})

transcript(t, 'a client without a header is refused at the twelfth byte', {
  ...accept,
  wire: 'C 16 03 01 02 00 01 00 01 fc 03 03 aa',
  throws: 'DH_PROXY_HEADER',
})

t.test('the header we send', async (t) => {
  const v4 = { host: '198.51.100.7', port: 50000 }
  const v6 = { host: '::1', port: 443 }
  t.equal(
    encodeProxyHeader(v4, { host: '10.0.0.1', port: 443 }).toHex(),
    '0d0a0d0a000d0a515549540a2111000cc63364070a000001c35001bb',
  )
  t.equal(encodeProxyHeader(v6, v6).length, 16 + 36)
  t.throws(() => encodeProxyHeader(v4, v6), { name: 'RangeError' })
  t.throws(() => encodeProxyHeader(v4, { host: 'a.example', port: 1 }), { name: 'RangeError' })
})

const pair = fc.oneof(
  fc.tuple(arbitrary.ipv4, arbitrary.ipv4),
  fc.tuple(arbitrary.ipv6, arbitrary.ipv6),
)

holds<[Uint8Array[], number, number, Uint8Array]>(
  t,
  'a header that is written reads the same, with what follows left over',
  [pair, arbitrary.port, arbitrary.port, fc.uint8Array()],
  ([from = new Uint8Array(4), to = from], fromPort, toPort, early) => {
    const source: Endpoint = { host: formatIp(from), port: fromPort }
    const header = encodeProxyHeader(source, { host: formatIp(to), port: toPort })
    const dialogue = new Dialogue(acceptProxyHeader(), () => {})
    dialogue.feed(concat(header, early))
    assert.deepEqual(dialogue.outcome, { result: source })
    assert.equal(dialogue.unread.toHex(), early.toHex())
  },
)

const header = pair.map(([from, to]) =>
  encodeProxyHeader({ host: formatIp(from), port: 1 }, { host: formatIp(to), port: 2 }),
)
throwsOnlyFaults(
  t,
  'no bytes make the reader of a header throw anything but a Fault',
  arbitrary.nearly(header),
  (bytes) => heard(acceptProxyHeader(), bytes),
)
throwsOnlyFaults(
  t,
  'no bytes behind the signature do either',
  fc
    .tuple(header, fc.uint8Array({ maxLength: 600 }))
    .map(([good, rest]) => concat(good.subarray(0, 12), rest)),
  (bytes) => heard(acceptProxyHeader(), bytes),
)
