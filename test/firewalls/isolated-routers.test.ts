import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Dialler } from '../kit/isolated-dialler.ts'
import { cannotIsolate, IsolatedWorld } from '../kit/isolated-world.ts'
import { until } from '../kit/wait.ts'

const skip = cannotIsolate('socat')
const BYPASS = 'gateway-vda-2598'

t.test('the firewalls of an isolated lab, broken and mended', { skip }, async (t) => {
  const world = await IsolatedWorld.up(t)
  const { routers } = world
  const gateway = await Dialler.at(world, 'gateway')
  const proxy = await Dialler.at(world, 'proxy')
  const vda = world.address('vda')
  const bypass = () => gateway.dial(vda, 2598)
  const needed = () => proxy.dial(vda, 1494)
  t.afterEach(() => routers.reset())

  t.test('a flow that must not work is silence, one that must is open', async (t) => {
    t.match(await bypass(), { became: 'silence' })
    t.match(await needed(), { became: 'open', said: '\x7f\x7fICA\0' })
  })

  t.test('leak opens a flow on its whole path, and drop closes it', async (t) => {
    await routers.leak(BYPASS)
    t.match(await bypass(), { became: 'open' })
    await routers.drop(BYPASS)
    t.match(await bypass(), { became: 'silence' })
  })

  t.test('a leak on one firewall of two is none', async (t) => {
    await routers.leak(BYPASS, 2)
    t.match(await bypass(), { became: 'silence' })
    await routers.leak(BYPASS, 3)
    t.match(await bypass(), { became: 'open' })
  })

  t.test('drop takes what is left of a flow, and says where nothing is', async (t) => {
    await routers.leak(BYPASS)
    await routers.drop(BYPASS, 2)
    t.match(await routers.show(3), `${BYPASS}: leak`)
    await routers.drop(BYPASS)
    t.notMatch(await routers.show(3), `${BYPASS}: leak`)
    await t.rejects(routers.drop(BYPASS), {
      code: 'DH_USAGE',
      message: /firewalls 2 and 3 have no rule for gateway-vda-2598/,
    })
  })

  t.test('where no daemon listens, doublehop listen answers through a hole', async (t) => {
    await routers.leak('gateway-sta-9104')
    const { became, said } = await gateway.dial(world.address('sta'), 9104)
    t.equal(became, 'open')
    t.match(said, /^doublehop listen 1 from 10\.2\.0\.2 \d+\r\n/)
    await routers.leak('gateway-internet-4840')
    t.match(await gateway.dial(world.address('internet'), 4840), { said: /^doublehop listen 1 / })
  })

  t.test('reject refuses a flow, in the way that was asked for', async (t) => {
    for (const [how, became] of [
      ['port-unreachable', 'ECONNREFUSED'],
      ['tcp-reset', 'ECONNREFUSED'],
      ['host-unreachable', 'EHOSTUNREACH'],
      ['admin-prohibited', 'EHOSTUNREACH'],
    ] as const) {
      await routers.reject('proxy-vda-1494', undefined, how)
      t.match(await needed(), { became }, how)
    }
    await routers.reject(BYPASS)
    t.match(await bypass(), { became: 'ECONNREFUSED' }, 'a flow without a rule as well')
  })

  t.test('mute lets a flow arrive, and loses the answer', async (t) => {
    await routers.mute('proxy-vda-1494')
    t.match(await needed(), { became: 'silence' })
    const { stdout } = await world.run('vda', ['ss', '-Htn', 'state', 'syn-recv'])
    t.match(
      String(stdout),
      /10\.4\.0\.3:1494 +10\.3\.0\.2:/,
      'it waits for the end of the handshake',
    )
  })

  t.test('without the rule for answers nothing works any more', async (t) => {
    await routers.stateOff(3)
    t.match(await needed(), { became: 'silence' })
  })

  t.test('snat shows the firewall as the source', async (t) => {
    await routers.leak('gateway-proxy-9102')
    await routers.snat(2)
    const { said } = await gateway.dial(world.address('proxy'), 9102)
    t.match(said, /^doublehop listen 1 from 10\.3\.0\.252 \d+\r\n/)
  })

  t.test('loss loses some packets, and not all', async (t) => {
    await routers.loss(30)
    // The half of them, as both directions lose; a second SYN would be sent after a second only.
    const dials = Array.from({ length: 30 }, () => proxy.dial(vda, 1494, 800))
    const became = (await Promise.all(dials)).map((one) => one.became)
    t.ok(became.includes('silence') && became.includes('open'), became.join(' '))
  })

  t.test('mtu loses large packets alone', async (t) => {
    const far = world.start('vda', ['socat', '-u', 'TCP4-LISTEN:7000,reuseaddr', '-'])
    await until(
      async () => String((await world.run('vda', ['ss', '-Hltn'])).stdout),
      (listening) => listening.includes(':7000'),
      20_000,
    )
    await routers.add(
      3,
      'ip saddr 10.3.0.2 ip daddr 10.4.0.3 tcp dport 7000 ct state new accept comment "own: test"',
    )
    await routers.mtu(1400)
    const near = world.start('proxy', ['socat', '-u', '-', 'TCP4:10.4.0.3:7000'])
    near.say('s'.repeat(1000))
    await far.read(1000)
    near.say('l'.repeat(1400))
    await delay(700) // long enough for it to be sent again
    t.equal(far.stdout.length, 1000, 'nothing of it arrives')
    await routers.reset()
    await far.read(1400)
  })

  t.test('idle-timeout forgets what was silent, and does not pick it up again', async (t) => {
    await routers.idleTimeout(2)
    const near = world.start('proxy', ['socat', '-t30', '-', 'TCP4:10.4.0.3:2598'])
    const echoed = async (word: string) => {
      near.say(word)
      t.equal(String(await near.read(word.length)), word)
    }
    await echoed('begin')
    await delay(800)
    await echoed('soon enough')
    await delay(2600)
    const before = near.stdout.length
    near.say('too late')
    await delay(900) // it is sent again three times meanwhile
    t.equal(near.stdout.length, before, 'nothing comes back')
    const other = await needed()
    t.equal(other.became, 'open', 'new connections work')
  })

  t.test('the sysctls and rules are as before after reset', async (t) => {
    const state = async () => {
      const files = ['timeout_established', 'loose'].map(
        (name) => `/proc/sys/net/netfilter/nf_conntrack_tcp_${name}`,
      )
      const { stdout } = await world.run('firewall2', ['cat', ...files])
      const counted = / counter packets \d+ bytes \d+/g
      return [String(stdout), (await routers.show(2)).replace(counted, '')]
    }
    const before = await state()
    await Promise.all([routers.idleTimeout(5), routers.snat(2), routers.drop('gateway-proxy-1080')])
    t.notSame(await state(), before)
    await routers.reset()
    t.same(await state(), before)
  })

  t.test('a rule of a flow that is not there is named, with the nearest', async (t) => {
    await t.rejects(routers.drop('gatway-vda-2598'), {
      code: 'DH_FW_FLOW',
      message: 'there is no flow gatway-vda-2598; did you mean gateway-vda-2598?',
    })
    await t.rejects(routers.drop(BYPASS), { code: 'DH_USAGE' })
    await t.rejects(routers.leak(BYPASS, 1), { message: /passes firewalls 2 and 3, not 1/ })
    await t.rejects(routers.remove(2, 'nothing'), { message: /no rule called nothing/ })
  })

  t.test('a daemon that was stopped leaves its place to another', async (t) => {
    await world.stop('vda')
    t.match(await needed(), { became: 'ECONNREFUSED' })
    await world.restart('vda')
    t.match(await needed(), { became: 'open' })
  })

  t.test('messages go to a process inside and back', async (t) => {
    const child = world.fork('lan', `${import.meta.dirname}/../kit/isolated-dialler-process.ts`)
    t.same(await once(child, 'message'), ['ready', undefined])
  })
})
