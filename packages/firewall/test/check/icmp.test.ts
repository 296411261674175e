import { concat } from '@doublehop/wire/conversation'
import fc from 'fast-check'
import t from 'tap'
import { readPacket } from '../../src/check/icmp.ts'
import { icmp, ipv4, ipv6, ports } from './packets.ts'

const [US, THEM, WALL] = ['10.2.0.2', '10.3.0.2', '10.2.0.254']
const [US6, THEM6, WALL6] = ['2001:db8:2::2', '2001:db8:3::2', '2001:db8:2::254']
const ICMP = 1
const TCP = 6
const UDP = 17
const ICMP6 = 58
const RST_ACK = 0x14

const about = {
  protocol: 'tcp',
  from: { host: US, port: 40_000 },
  to: { host: THEM, port: 1080 },
}
const about6 = { ...about, from: { host: US6, port: 40_000 }, to: { host: THEM6, port: 1080 } }
const syn = ipv4(TCP, US, THEM, ports(40_000, 1080))
const syn6 = ipv6(TCP, US6, THEM6, ports(40_000, 1080))

t.test('an ICMP error tells its kind, its sender and the connection it is about', async (t) => {
  const error = (type: number, code: number) =>
    readPacket(ipv4(ICMP, WALL, US, icmp(type, code, syn)))
  const told = (kind: string, means: string) => ({
    ...about,
    told: { by: 'icmp', kind, means, sender: WALL },
  })
  t.same(error(3, 13), told('administratively prohibited', 'rejected'))
  t.same(error(3, 10), told('host administratively prohibited', 'rejected'))
  t.same(error(3, 3), told('port unreachable', 'port'))
  t.same(error(3, 1), told('host unreachable', 'no-route'))
  t.same(error(11, 0), told('time to live exceeded', 'no-route'))
  t.same(error(3, 4), told('fragmentation needed', 'nothing'))
})

t.test('so does one of ICMPv6', async (t) => {
  const error = (type: number, code: number) =>
    readPacket(ipv6(ICMP6, WALL6, US6, icmp(type, code, syn6)))
  const told = (kind: string, means: string) => ({
    ...about6,
    told: { by: 'icmp', kind, means, sender: WALL6 },
  })
  t.same(error(1, 1), told('administratively prohibited', 'rejected'))
  t.same(error(1, 0), told('no route to destination', 'no-route'))
  t.same(error(1, 4), told('port unreachable', 'port'))
  t.same(error(2, 0), told('packet too big', 'nothing'))
  t.same(error(3, 0), told('hop limit exceeded', 'no-route'))
})

t.test('options, extension headers and datagrams stand in nobody’s way', async (t) => {
  const quoted = ipv4(UDP, US, THEM, ports(40_000, 53), { options: 8 })
  const error = ipv4(ICMP, WALL, US, icmp(3, 3, quoted), { options: 4 })
  t.match(readPacket(error), { protocol: 'udp', to: { host: THEM, port: 53 } })
  const extended = concat(Uint8Array.of(TCP, 0, 0, 0, 0, 0, 0, 0), ports(40_000, 1080))
  const hopByHop = concat(
    Uint8Array.of(ICMP6, 0, 0, 0, 0, 0, 0, 0),
    icmp(1, 1, ipv6(60, US6, THEM6, extended)),
  )
  t.match(readPacket(ipv6(0, WALL6, US6, hopByHop)), about6)
})

t.test('a reset is about a connection of ours, seen from our side', async (t) => {
  const reset = ipv4(TCP, THEM, US, ports(1080, 40_000, RST_ACK), { ttl: 61 })
  t.same(readPacket(reset), { ...about, told: { by: 'reset', sender: THEM, hops: 61 } })
  const reset6 = ipv6(TCP, THEM6, US6, ports(1080, 40_000, RST_ACK), 62)
  t.same(readPacket(reset6), { ...about6, told: { by: 'reset', sender: THEM6, hops: 62 } })
})

t.test('everything else tells nothing', async (t) => {
  const silent = [
    new Uint8Array(0),
    ipv4(TCP, THEM, US, ports(1080, 40_000, 0x12)),
    ipv4(ICMP, WALL, US, icmp(8, 0, syn)),
    ipv4(ICMP, WALL, US, icmp(3, 13, syn.subarray(0, 22))),
    ipv4(ICMP, WALL, US, icmp(3, 13, ipv4(ICMP, US, THEM, new Uint8Array(8)))),
    ipv4(TCP, THEM, US, ports(1080, 40_000, RST_ACK), { fragment: 185 }),
    ipv6(
      44,
      THEM6,
      US6,
      concat(Uint8Array.of(TCP, 0, 0, 8, 0, 0, 0, 1), ports(1080, 40_000, RST_ACK)),
    ),
  ]
  for (const packet of silent) t.same(readPacket(packet), undefined)
})

t.test('whatever comes, nothing is thrown', async () => {
  const noise = fc.uint8Array({ maxLength: 120 })
  const cut = (packet: Uint8Array) =>
    fc.nat(packet.length).map((length) => packet.subarray(0, length))
  const whole = ipv6(ICMP6, WALL6, US6, icmp(1, 1, syn6))
  const changed = fc
    .tuple(fc.constantFrom(whole, ipv4(ICMP, WALL, US, icmp(3, 13, syn))), fc.nat(90), fc.nat(255))
    .map(([packet, at, byte]) =>
      Uint8Array.from(packet, (old, index) => (index === at ? byte : old)),
    )
  fc.assert(fc.property(fc.oneof(noise, cut(whole), changed), (bytes) => void readPacket(bytes)))
})
