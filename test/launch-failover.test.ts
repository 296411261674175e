import type { Endpoint } from '@doublehop/wire/endpoint'
import { REPLY } from '@doublehop/wire/socks5-messages'
import { bytesOf } from '@doublehop/wire/text'
import type { Ticket } from '@doublehop/wire/ticket'
import type { GatewayAccess } from '@doublehop/workspace/gateway-access'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { askAdmin, shownBy } from './kit/ask-admin.ts'
import { SOCKS_GREETING, socksRequest } from './kit/flights.ts'
import { Gate } from './kit/gate.ts'
import { House, publish, type Running } from './kit/house.ts'
import { exchange, read } from './kit/session.ts'
import { until } from './kit/wait.ts'

const PLAIN = { secure: 'off', allow: { networks: ['127.0.0.0/8'] } }

t.test('a proxy that is down at the start is passed over', async (t) => {
  const hops = await twoHops(t)
  await hops.proxies.first.close()
  t.equal(await echoed(hops, 'hello'), 'hello')
  t.match(stepRoutes(hops), ['gateway → second → sta', 'vda → second → gateway'])
  const ready = await until(
    () => readiness(hops),
    ({ nextHops }) => nextHops.first === 'down',
  )
  t.match(ready, { status: 200, ready: true, nextHops: { first: 'down', second: 'up' } })
})

t.test('a proxy that dies is followed by the next, and comes back to be preferred', async (t) => {
  const hops = await twoHops(t)
  const { house, stas, proxies } = hops
  t.equal(await echoed(hops, 'one'), 'one')
  t.match(stepRoutes(hops), ['gateway → first → sta', 'vda → first → gateway'])

  await proxies.first.close()
  t.equal(await echoed(hops, 'two'), 'two')
  t.match(stepRoutes(hops), ['gateway → second → sta', 'vda → second → gateway'])

  await house.proxy(stas, { name: 'first', ...PLAIN, listen: proxies.first.where() })
  await until(
    () => readiness(hops),
    ({ nextHops }) => nextHops.first === 'up',
  )
  t.equal(await echoed(hops, 'three'), 'three')
  t.match(stepRoutes(hops), ['gateway → first → sta', 'vda → first → gateway'])
})

t.test('/readyz is 503 when no proxy answers, and not before', async (t) => {
  const hops = await twoHops(t)
  const { house, stas, proxies } = hops
  t.match(await readiness(hops), { status: 200, ready: true })
  await proxies.second.close()
  await until(
    () => readiness(hops),
    ({ nextHops }) => nextHops.second === 'down',
  )
  t.match(await readiness(hops), { status: 200, ready: true })

  const died = performance.now()
  await proxies.first.close()
  const dead = await until(
    () => readiness(hops),
    ({ status }) => status === 503,
  )
  t.match(dead, { ready: false, draining: false, nextHops: { first: 'down', second: 'down' } })
  t.ok(performance.now() - died < 2000, 'noticed within two seconds')

  await house.proxy(stas, { name: 'second', ...PLAIN, listen: proxies.second.where() })
  t.match(
    await until(
      () => readiness(hops),
      ({ status }) => status === 200,
    ),
    { ready: true },
  )
})

t.test('without any proxy a client is told that something behind cannot be reached', async (t) => {
  const hops = await twoHops(t)
  const ticket = await hops.ticket()
  await hops.proxies.first.close()
  await hops.proxies.second.close()
  t.equal(await replyTo(hops.access, ticket), REPLY.hostUnreachable)
  t.match(hops.house.events('launch-failed'), [{ code: 'DH_HOP_NONE', step: 2 }])
})

type Said = (bytes: Buffer, hops: TwoHops) => boolean

const begins =
  (...head: number[]): Said =>
  (bytes) =>
    bytes.subarray(0, head.length).equals(Buffer.from(head))
/** RFC 1929: a user name of 32 characters, which is a session id. */
const loginOfSession = begins(1, 32)
/** The user name `-`. */
const loginForSta = begins(1, 1, 0x2d)
const connectToServer: Said = (bytes, { vda }) => bytes.equals(socksRequest(vda.host, vda.port))
const connectWithTicket = begins(5, 1, 0, 3)
const redemption: Said = (bytes) => bytes.toString('latin1').startsWith('POST ')

for (const [moment, said] of Object.entries({ login: loginOfSession, CONNECT: connectToServer })) {
  t.test(
    `a hop lost with its ${moment} after the ticket was redeemed ends the launch`,
    async (t) => {
      const hops = await twoHops(t)
      const ticket = await hops.ticket()
      hops.cutWhen = said
      t.equal(await replyTo(hops.access, ticket), REPLY.hostUnreachable)
      t.match(hops.house.events('launch-failed'), [{ daemon: 'gateway', code: 'DH_HOP_LOST' }])
      t.same(
        hops.house
          .steps()
          .map(({ step }) => step)
          .slice(0, 4),
        [1, 2, 3, 4],
      )
      t.same(
        hops.house.steps().filter(({ name }) => name === 'dial'),
        [],
        'no other hop dialled for it',
      )

      hops.cutWhen = undefined
      t.equal(await replyTo(hops.access, ticket), REPLY.denied)
      t.match(
        hops.house.events('launch-failed')[1],
        { code: 'DH_TICKET_USED' },
        'the ticket is spent',
      )
      t.equal(await echoed(hops, 'on with a new one'), 'on with a new one')
    },
  )
}

t.test('a hop lost before the STA was asked is passed over with the same ticket', async (t) => {
  const hops = await twoHops(t)
  const ticket = await hops.ticket()
  hops.gate.cut()
  await until(
    () => hops.idle(),
    (idle) => idle,
  )
  hops.cutWhen = loginForSta
  const { leg } = await launch(hops.access, { ticket, port: 2598, protocol: 'socks' })
  t.same(await exchange(leg, bytesOf('hello')), bytesOf('hello'))
  t.match(stepRoutes(hops), ['gateway → second → sta', 'vda → second → gateway'])
})

t.test('a redemption that was written is repeated through no other hop', async (t) => {
  const hops = await twoHops(t)
  const ticket = await hops.ticket()
  hops.cutWhen = redemption
  t.equal(await replyTo(hops.access, ticket), REPLY.hostUnreachable)
  t.match(hops.house.events('launch-failed'), [{ daemon: 'gateway', code: 'DH_STA_LOST' }])
})

t.test('a connection that was opened ahead and has died is replaced', async (t) => {
  const hops = await twoHops(t)
  t.equal(await echoed(hops, 'first'), 'first')
  const ahead = () =>
    shownBy(hops.gateway.at.admin).then(({ hopConnections }) =>
      hopConnections.filter(({ what }) => what === 'ahead'),
    )
  await until(ahead, (connections) => connections.length > 0)
  hops.cutWhen = loginOfSession
  hops.cuts = 1
  t.equal(await echoed(hops, 'second'), 'second')
  t.equal(hops.cuts, 0)
  t.match(stepRoutes(hops), ['gateway → first → sta', 'vda → first → gateway'])
})

t.test(
  'with redeemAt: proxy a hop lost before the CONNECT is passed over, and after it ends the launch',
  async (t) => {
    const hops = await twoHops(t, { redeemAt: 'proxy' })
    hops.cutWhen = loginOfSession
    t.equal(await echoed(hops, 'hello'), 'hello')
    t.match(stepRoutes(hops).at(-1), 'vda → second → gateway')

    await until(
      () => readiness(hops),
      ({ nextHops }) => nextHops.first === 'up',
    )
    hops.cutWhen = connectWithTicket
    t.equal(await replyTo(hops.access, await hops.ticket()), REPLY.hostUnreachable)
    t.match(hops.house.events('launch-failed'), [
      { daemon: 'gateway', code: 'DH_HOP_LOST', step: 7 },
    ])
  },
)

interface TwoHops {
  readonly house: House
  readonly gateway: Running
  readonly access: GatewayAccess
  readonly stas: readonly object[]
  readonly proxies: { readonly first: Running; readonly second: Running }
  readonly vda: Endpoint
  /** before the first proxy: it breaks connections on which this is said */
  readonly gate: Gate
  cutWhen: Said | undefined
  /** how many more */
  cuts: number
  readonly ticket: () => Promise<Ticket>
  /** whether the gateway has no connection to any proxy */
  readonly idle: () => Promise<boolean>
}

/** A double hop with two proxies over plain TCP, where a test can tell what is said and break it. */
async function twoHops(t: Test, gateway: object = {}): Promise<TwoHops> {
  const house = new House(t)
  const sta = await house.sta()
  const vda = await house.vda()
  const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
  const first = await house.proxy(stas, { name: 'first', ...PLAIN })
  const second = await house.proxy(stas, { name: 'second', ...PLAIN })
  const gate = await Gate.before(t, first.at.listen as Endpoint, (bytes, cut) => {
    if (hops.cuts === 0 || !hops.cutWhen?.(bytes, hops)) return
    hops.cuts--
    cut()
  })
  const storefront = await house.storefront(stas, publish(vda))
  const running = await house.gateway(
    stas,
    [
      { name: 'first', address: gate.where, secure: 'off' },
      { name: 'second', address: second.where(), secure: 'off' },
    ],
    { storefronts: [{ address: storefront.where() }], ...gateway },
  )
  const access = house.access(running)
  const hops: TwoHops = {
    house,
    gateway: running,
    access,
    stas,
    proxies: { first, second },
    vda: vda.at['echo.cgp'] as Endpoint,
    gate,
    cutWhen: undefined,
    cuts: Number.POSITIVE_INFINITY,
    ticket: () => house.ticket(access),
    idle: async () => (await shownBy(running.at.admin)).hopConnections.length === 0,
  }
  return hops
}

/** What echo sent back in a new session. */
async function echoed({ access, ticket }: TwoHops, text: string): Promise<string> {
  const { leg } = await launch(access, { ticket: await ticket(), port: 2598, protocol: 'socks' })
  return String(await exchange(leg, bytesOf(text)))
}

/** The routes of steps 2 and 7 of the newest session, which name the hop. */
function stepRoutes({ house }: TwoHops): string[] {
  const { session } = house.log.findLast(({ event, step }) => event === 'step' && step === 9) ?? {}
  return house
    .steps(session)
    .filter(({ step }) => step === 2 || step === 7)
    .map(({ route }) => route)
}

/** The reply code that a SOCKS client gets for this ticket. */
async function replyTo(access: GatewayAccess, ticket: Ticket): Promise<number | undefined> {
  const leg = await access.dial()
  leg.write(SOCKS_GREETING)
  await read(leg, 2)
  leg.write(socksRequest(ticket.reveal(), 2598))
  const [, reply] = await read(leg, 10)
  leg.destroy()
  return reply
}

async function readiness({
  gateway,
}: TwoHops): Promise<{ status: number; nextHops: Record<string, string> }> {
  const response = await askAdmin(gateway.at.admin, '/readyz')
  const body = (await response.json()) as { nextHops: Record<string, string> }
  return { status: response.status, ...body }
}
