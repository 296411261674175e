import t from 'tap'
import { cannotIsolate } from '../kit/isolated-world.ts'
import { deepTest } from '../kit/listen-deep.ts'
import { ListenNetwork } from '../kit/listen-network.ts'

const skip = cannotIsolate()

t.test('an MTU hole at 1400 is found to the byte', { skip }, async (t) => {
  const network = await ListenNetwork.make(t)
  await network.breakBy('meta length > 1400 drop')
  const found = await deepTest(t, network, 'mtu')
  t.match(found, { code: 'DH_FW_MTU', packetBytes: { up: 1400, down: 1400 } })
  t.match(found.sentence, /more than 1400 bytes both ways.*MSS to 1360/)
})

t.test('a hole in one direction is told as such, over IPv6 too', { skip }, async (t) => {
  const network = await ListenNetwork.make(t, 6)
  await network.breakBy(`ip6 saddr ${network.far} meta length > 1400 drop`)
  const found = await deepTest(t, network, 'mtu')
  t.match(found, { code: 'DH_FW_MTU', packetBytes: { up: 1500, down: 1400 } })
  t.match(found.sentence, /towards gateway \(towards proxy: 1500\).*MSS to 1340/)
})

for (const family of [4, 6] as const) {
  t.test(`a narrow link whose router tells it is no hole, IPv${family}`, { skip }, async (t) => {
    const network = await ListenNetwork.make(t, family)
    const narrow = (zone: number, device: string) =>
      family === 4
        ? `ip route change 10.${zone}.0.0/24 dev ${device} mtu 1400`
        : `ip -6 route add 2001:db8:${zone}::/64 dev ${device} metric 100 mtu 1400`
    await network.sh('router', `${narrow(2, 'near')}\n${narrow(3, 'far')}`)
    t.match(await deepTest(t, network, 'mtu'), { result: 'pass' })
  })
}
