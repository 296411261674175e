import t from 'tap'
import { cannotIsolate } from '../kit/isolated-world.ts'
import { deepTest } from '../kit/listen-deep.ts'
import { ListenNetwork } from '../kit/listen-network.ts'

const skip = cannotIsolate('socat')

for (const family of [4, 6] as const) {
  t.test(`generated rules carry what deep checks try, IPv${family}`, { skip }, async (t) => {
    const network = await ListenNetwork.make(t, family)
    await network.listen()
    const { tests, note } = await network.deep({ idleMaxSeconds: 2 })
    t.same(
      tests.map(({ test, result }) => `${test} ${result}`),
      ['idle pass', 'mtu pass', 'half-close pass', 'rate pass', 'bytes pass'],
      note ?? tests.map(({ sentence }) => sentence).join('\n'),
    )
    t.same(tests.find(({ test }) => test === 'mtu')?.packetBytes, { up: 1500, down: 1500 })
  })
}

t.test('a limit of new connections is found, with its figure', { skip }, async (t) => {
  const network = await ListenNetwork.make(t)
  await network.breakBy('ct state new limit rate over 20/second burst 5 packets drop')
  const found = await deepTest(t, network, 'rate')
  t.match(found, { code: 'DH_FW_RATE' })
  const [, answered, burst, rate] = /: (\d+) of (\d+) .*, (\d+) a second/.exec(found.sentence) ?? []
  t.equal(burst, '100')
  t.ok(Number(answered) >= 5 && Number(answered) < 30, `${answered} at once`)
  t.ok(Number(rate) >= 15 && Number(rate) <= 30, `${rate} a second`)
})

t.test('a relay on the way that takes one end for both is found', { skip }, async (t) => {
  const network = await ListenNetwork.make(t)
  await network.sh(
    'router',
    `nft insert rule inet doublehop input tcp dport 1080 accept
     nft 'table ip relay { chain in { type nat hook prerouting priority dstnat; iifname near tcp dport 1080 redirect; }; }'`,
  )
  network.start('router', 'socat', [
    'TCP4-LISTEN:1080,fork,reuseaddr,backlog=200',
    `TCP4:${network.far}:1080`,
  ])
  const found = await deepTest(t, network, 'half-close')
  t.match(found, { code: 'DH_FW_HALF_CLOSE' })
  t.match(found.sentence, /what proxy sends after gateway has finished is lost/)
})
