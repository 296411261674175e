import { encodeProxyHeader } from '@doublehop/wire/proxy-protocol'
import t, { type Test } from 'tap'
import { shownBy } from '../kit/ask-admin.ts'
import { LimitScene } from '../kit/limit-scene.ts'
import { type Coming, told } from '../kit/stranger.ts'
import { until } from '../kit/wait.ts'

const BALANCER = '127.0.0.9'

/** A client behind the load balancer. */
function as(client: string): Coming {
  const to = client.includes(':') ? '2001:db8:ffff::1' : '192.0.2.1'
  const header = encodeProxyHeader({ host: client, port: 4711 }, { host: to, port: 443 })
  return { from: BALANCER, header }
}

function behindBalancer(t: Test, limits: object): Promise<LimitScene> {
  return LimitScene.whole(t, { gateway: limits }, { gateway: { proxyProtocolFrom: [BALANCER] } })
}

t.test('sessions are counted by the client of the header', async (t) => {
  const scene = await behindBalancer(t, { sessionsPerSource: 2 })
  for (const [mine, others] of [
    ['203.0.113.7', '203.0.113.8'],
    ['2001:db8:0:1::7', '2001:db8:0:2::7'],
  ] as const) {
    const tickets = [await scene.ticket(), await scene.ticket(), await scene.ticket()]
    const [first, second, third] = tickets
    for (const ticket of [first, second])
      if (ticket) t.equal(await scene.fate(await scene.launch(ticket, as(mine))), 'served')
    const neighbour = mine.replace('::7', '::ffff:7')
    t.equal(await told(await scene.secure('gateway', as(neighbour))), 'nothing')
    t.match(
      scene.house.log.findLast(({ code }) => code === 'DH_LIMIT_SOURCE'),
      { peer: neighbour },
    )
    if (third) t.equal(await scene.fate(await scene.launch(third, as(others))), 'served')
  }
})

t.test('so are handshakes', async (t) => {
  const scene = await behindBalancer(t, { handshakesPerSource: 2 })
  const come = (client: string) => scene.bare('gateway', as(client))
  const other = await come('203.0.113.8')
  const oldest = await come('203.0.113.7')
  await until(
    () => shownBy(scene.daemon('gateway').at.admin),
    ({ handshakes }) => handshakes.filter(({ peer }) => peer.startsWith('203.')).length === 2,
  )
  await come('203.0.113.7')
  await come('203.0.113.7')
  t.equal(await told(oldest), 'nothing')
  t.notOk(other.ended || other.closed, 'and nobody else’s')
})

t.test('and failed redemptions', async (t) => {
  const scene = await behindBalancer(t, { failureDelay: '500 ms' })
  const took = async (client: string): Promise<number> => {
    const since = performance.now()
    t.equal(await scene.fate(await scene.launch(scene.wrongTicket(), as(client))), 'reply 02')
    return performance.now() - since
  }
  for (const least of [500, 1000, 2000]) {
    const milliseconds = await took('203.0.113.7')
    t.ok(milliseconds >= least - 10, `${milliseconds} of ${least} ms`)
  }
  const milliseconds = await took('203.0.113.8')
  t.ok(milliseconds < 3900, `another client is not held for these: ${milliseconds} ms`)
})
