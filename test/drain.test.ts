import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Leg } from '@doublehop/daemon/leg'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeRequestData, STA_PATH } from '@doublehop/wire/sta-messages'
import { bytesOf } from '@doublehop/wire/text'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { askAdmin, shownBy } from './kit/ask-admin.ts'
import { House, publish } from './kit/house.ts'
import { HouseOfProcesses } from './kit/house-of-processes.ts'
import { ending } from './kit/refusal.ts'
import { exchange, read } from './kit/session.ts'
import { until } from './kit/wait.ts'

for (const daemon of ['gateway', 'proxy', 'vda'] as const) {
  t.test(`the ${daemon} drains: SIGTERM ends it when its last session has ended`, async (t) => {
    const { program, leg, entrance, admin } = await withSession(t, daemon, {})
    program.signal('SIGTERM')
    t.match(await untilDraining(admin), { ready: false, draining: true })
    t.equal(await knock(entrance), 'ECONNREFUSED', 'nothing new is taken')
    await goesOn(t, leg)
    t.equal((await shownBy(admin)).sessions.length, 1)

    t.same(await exchange(leg, bytesOf('the last word')), bytesOf('the last word'))
    t.match(await program.ended, { code: 0, signal: null })
    t.match(events(program.stdout), [
      { event: 'draining', signal: 'SIGTERM' },
      { event: 'stopped', drained: true },
    ])
  })

  t.test(
    `the ${daemon} waits no longer than its drain timeout, and says with 1 that it cut a session`,
    async (t) => {
      const { program, leg } = await withSession(t, daemon, { drainTimeout: '300 ms' })
      const cut = ending(leg, new Uint8Array(0))
      program.signal('SIGTERM')
      t.match(await program.ended, { code: 1, signal: null })
      await cut
      t.match(events(program.stdout).at(-1), { event: 'stopped', drained: false })
    },
  )

  t.test(`a second SIGTERM ends the ${daemon} at once`, async (t) => {
    const { program, leg, admin } = await withSession(t, daemon, {})
    const cut = ending(leg, new Uint8Array(0))
    program.signal('SIGTERM')
    await untilDraining(admin)
    program.signal('SIGTERM')
    t.match(await program.ended, { code: 1, signal: null })
    await cut
  })
}

for (const redeemAt of ['gateway', 'proxy']) {
  t.test(`no launch is lost to a proxy that drains, redeemAt: ${redeemAt}`, async (t) => {
    const house = new House(t)
    const sta = await house.sta()
    const vda = await house.vda()
    const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
    const [one, other] = [await house.proxy(stas), await house.proxy(stas)]
    const storefront = await house.storefront(stas, publish(vda))
    const hops = [one, other].map((proxy, at) => ({
      name: `proxy-${at + 1}`,
      address: proxy.where(),
    }))
    const gateway = await house.gateway(stas, hops, {
      storefronts: [{ address: storefront.where() }],
      redeemAt,
    })
    const access = house.access(gateway)
    const open = async () => {
      const ticket = await house.ticket(access)
      return (await launch(access, { ticket, port: 2598, protocol: 'socks' })).leg
    }
    const before = await open()
    const drained = one.drain()
    // At once: its kept connections to the STA are still there, and no probe has told of it.
    for (let launches = 0; launches < 3; launches++)
      t.same(await exchange(await open(), bytesOf('served')), bytesOf('served'))
    t.same(await exchange(before, bytesOf('to its end')), bytesOf('to its end'))
    t.ok(await drained)
  })
}

t.test('SIGINT drains just as well, and a second one ends it', async (t) => {
  const { program, leg, admin } = await withSession(t, 'gateway', {})
  const cut = ending(leg, new Uint8Array(0))
  program.signal('SIGINT')
  t.match(await untilDraining(admin), { draining: true })
  program.signal('SIGINT')
  t.match(await program.ended, { code: 1, signal: null })
  await cut
  t.match(events(program.stdout)[0], { event: 'draining', signal: 'SIGINT' })
})

for (const daemon of ['storefront', 'sta'] as const) {
  t.test(`the ${daemon}, which holds no sessions, ends at once and with 0`, async (t) => {
    const house = new HouseOfProcesses(t, [daemon])
    const { ticket } = await house.doubleHop()
    await ticket()
    t.match(await house.program(daemon).stop('SIGTERM'), { code: 0, signal: null })
  })
}

t.test(
  'the sta ends the request that is under way, and waits for no connection beside it',
  async (t) => {
    const house = new HouseOfProcesses(t, ['sta'])
    const { sta, ticket } = await house.doubleHop()
    const program = house.program('sta')
    const body = encodeRequestData({ hex: (await ticket()).primary.reveal() })
    const identity = {
      ca: house.read('sta/ca.crt'),
      cert: house.read('proxy/tls.crt'),
      key: house.read('proxy/tls.key'),
    }
    const silent = connectTls({ ...sta.at.listen, ...identity })
    const asking = connectTls({ ...sta.at.listen, ...identity })
    t.teardown(() => silent.destroy())
    await Promise.all([once(silent, 'secureConnect'), once(asking, 'secureConnect')])
    const head = `POST ${STA_PATH} HTTP/1.1\r\nHost: sta\r\nContent-Type: text/xml\r\nContent-Length: ${body.length}\r\n`
    asking.write(`${head}Expect: 100-continue\r\n\r\n`)
    t.match(String(await once(asking, 'data')), /^HTTP\/1\.1 100 /, 'the request is under way')

    program.signal('SIGTERM')
    await program.says(/"event":"draining"/)
    const answered = asking.toArray()
    asking.write(body)
    t.match(String(Buffer.concat((await answered) as Buffer[])), /^HTTP\/1\.1 200 .*ResponseData/s)
    t.match(await program.ended, { code: 0, signal: null })
  },
)

/** A double hop in which this daemon is a process, and a session of echo through it. */
async function withSession(t: Test, daemon: 'gateway' | 'proxy' | 'vda', settings: object) {
  const house = new HouseOfProcesses(t, [daemon])
  const double = await house.doubleHop({ [daemon]: settings })
  const { leg } = await launch(double.access, {
    ticket: await double.ticket(),
    port: 2598,
    protocol: 'socks',
  })
  await goesOn(t, leg)
  const { at } = double[daemon]
  const entrance = daemon === 'vda' ? at['echo.cgp'] : at.listen
  return { program: house.program(daemon), leg, entrance, admin: at.admin }
}

async function goesOn(t: Test, leg: Leg): Promise<void> {
  leg.write(bytesOf('hello'))
  t.same(await read(leg, 5), bytesOf('hello'), 'the session goes on')
}

/** What /readyz says once it says 503. */
async function untilDraining(admin: Endpoint | undefined): Promise<unknown> {
  const response = await until(
    () => askAdmin(admin, '/readyz'),
    ({ status }) => status === 503,
  )
  return await response.json()
}

/** What a new connection comes to. */
async function knock(at: Endpoint | undefined): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const client = connect(at ?? { port: 0 }, () => resolve('connected'))
  client.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'failed'))
  return await promise.finally(() => client.destroy())
}

/** The last lines of a log, those of its end. */
function events(stdout: Buffer): { event?: string }[] {
  const lines = String(stdout)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event?: string })
  return lines.filter(({ event }) => event === 'draining' || event === 'stopped')
}
