import { parseTicket } from '@doublehop/wire/ticket'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { askAdmin } from './kit/ask-admin.ts'
import { freePort } from './kit/free-port.ts'
import { House, type Running } from './kit/house.ts'
import { Mortal } from './kit/mortal.ts'
import { until } from './kit/wait.ts'

/** What the page promises: within 2 s of the cause. */
const PROMISED_MILLISECONDS = 2000

/** A gateway before a proxy that is a process of its own, and an STA. */
async function scene(t: Test, staPort?: number) {
  const house = new House(t)
  const sta = await house.sta({ listen: `127.0.0.1:${staPort ?? 0}` })
  const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
  const section = {
    listen: `127.0.0.1:${await freePort()}`,
    allow: { names: ['gateway'] },
    identity: house.identity('proxy'),
    grants: { keys: ['file:certs/proxy/grant.key'] },
    stas,
    allowLoopback: true,
  }
  const proxy = await new Mortal(t, house, 'proxy', section).start()
  const gateway = await house.gateway(stas, [{ name: 'proxy', address: proxy.where() }])
  await answers(gateway, 200)
  return { house, sta, proxy, gateway }
}

/** Waits until /readyz answers so. @returns how long that took, and its body */
async function answers(daemon: Running, status: number) {
  const since = performance.now()
  const { body } = await until(
    async () => {
      const response = await askAdmin(daemon.at.admin, '/readyz')
      return { status: response.status, body: (await response.json()) as object }
    },
    (seen) => seen.status === status,
    10_000,
  )
  return { milliseconds: performance.now() - since, body }
}

/** What a gateway does without at this moment. */
async function degraded(gateway: Running): Promise<string[]> {
  const response = await askAdmin(gateway.at.admin, '/readyz')
  return ((await response.json()) as { degraded: string[] }).degraded
}

t.test('a proxy that is killed, and one that comes back', async (t) => {
  const { proxy, gateway } = await scene(t)
  await proxy.kill()
  const down = await answers(gateway, 503)
  t.ok(down.milliseconds < PROMISED_MILLISECONDS, `after ${down.milliseconds} ms`)
  t.match(down.body, { ready: false, nextHops: { proxy: 'down' } })
  await proxy.start()
  const up = await answers(gateway, 200)
  t.ok(up.milliseconds < PROMISED_MILLISECONDS, `back after ${up.milliseconds} ms`)
  t.match(up.body, { ready: true, nextHops: { proxy: 'up' } })
})

t.test('a proxy that is frozen: its kernel still takes connections', async (t) => {
  const { proxy, gateway } = await scene(t)
  proxy.freeze()
  const down = await answers(gateway, 503)
  t.ok(down.milliseconds < PROMISED_MILLISECONDS, `after ${down.milliseconds} ms`)
  proxy.thaw()
  const up = await answers(gateway, 200)
  t.ok(up.milliseconds < PROMISED_MILLISECONDS, `back after ${up.milliseconds} ms`)
})

t.test('a lost STA is told, and takes no gateway out of a balancer', async (t) => {
  const { sta, gateway } = await scene(t)
  await sta.close()
  await until(
    () => degraded(gateway),
    ({ length }) => length === 1,
    20_000,
  )
  t.equal((await askAdmin(gateway.at.admin, '/readyz')).status, 200)
})

t.test('an STA that was lost is back as soon as a launch has reached it', async (t) => {
  const port = await freePort()
  const { house, sta, gateway } = await scene(t, port)
  await sta.close()
  await until(
    () => degraded(gateway),
    ({ length }) => length === 1,
    20_000,
  )
  await house.sta({ listen: `127.0.0.1:${port}` })
  const ticket = parseTicket(`;40;STA01;${'0'.repeat(32)}`)
  const how = { ticket, port: 2598, protocol: 'socks' } as const
  await t.rejects(launch(house.access(gateway), how), { code: 'DH_SOCKS_DENIED' })
  t.same(await degraded(gateway), [])
})

t.test('a gateway that drains is ready no more', async (t) => {
  const { gateway } = await scene(t)
  const drained = gateway.drain()
  t.match((await answers(gateway, 503)).body, { ready: false, draining: true })
  t.ok(await drained)
})
