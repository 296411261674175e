import { concat } from '@doublehop/wire/conversation'
import fc from 'fast-check'
import t from 'tap'
import { PcapStream } from '../../src/check/pcap.ts'
import { FRAMES, ipv4, ipv6, pcapHeader, pcapRecord, ports } from './packets.ts'

const V4 = ipv4(6, '10.3.0.2', '10.2.0.2', ports(1080, 40_000, 4))
const V6 = ipv6(6, '2001:db8:3::2', '2001:db8:2::2', ports(1080, 40_000, 4))
const hex = (packets: readonly Uint8Array[]): string[] => packets.map((one) => one.toHex())

for (const [name, [linkType, header]] of Object.entries(FRAMES)) {
  t.test(`packets come out of ${name} frames, in whatever pieces`, async (t) => {
    const arp = concat(header(0x0806), new Uint8Array(28))
    for (const littleEndian of [true, false]) {
      const capture = concat(
        pcapHeader(linkType, littleEndian),
        pcapRecord(concat(header(0x0800), V4), littleEndian),
        pcapRecord(arp, littleEndian),
        pcapRecord(concat(header(0x86dd), V6), littleEndian),
      )
      const whole = new PcapStream()
      t.same(hex(whole.feed(capture)), hex([V4, V6]))
      const bytewise = new PcapStream()
      t.same(hex([...capture].flatMap((byte) => bytewise.feed(Uint8Array.of(byte)))), hex([V4, V6]))
      t.notOk(whole.broken || bytewise.broken)
    }
  })
}

t.test('times in nanoseconds change nothing', async (t) => {
  const [linkType, header] = FRAMES['Linux cooked']
  const capture = [pcapHeader(linkType, true, 0xa1b23c4d), pcapRecord(concat(header(0x0800), V4))]
  t.same(hex(new PcapStream().feed(concat(...capture))), hex([V4]))
})

t.test('what is no capture, or of an unknown link, is not read on', async (t) => {
  const broken = [
    new TextEncoder().encode('tcpdump: no suitable device found.'),
    pcapHeader(147),
    concat(pcapHeader(1), pcapRecord(new Uint8Array(0), true, 262_145)),
  ]
  for (const bytes of broken) {
    const stream = new PcapStream()
    t.same(stream.feed(bytes), [])
    t.ok(stream.broken)
    t.same(stream.feed(concat(pcapHeader(1), pcapRecord(new Uint8Array(60)))), [])
  }
})

t.test('whatever comes, nothing is thrown', async () => {
  const links = fc.constantFrom(...Object.values(FRAMES).map(([linkType]) => linkType))
  fc.assert(
    fc.property(
      links,
      fc.array(fc.uint8Array({ maxLength: 80 })),
      fc.uint8Array(),
      (link, frames, rest) => {
        const stream = new PcapStream()
        stream.feed(concat(pcapHeader(link), ...frames.map((frame) => pcapRecord(frame)), rest))
      },
    ),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void new PcapStream().feed(bytes)),
  )
})
