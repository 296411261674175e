import { setTimeout as delay } from 'node:timers/promises'
import type { Code } from '@doublehop/errors/catalogue'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { StaTicket, Ticket } from '@doublehop/wire/ticket'
import type { GatewayAccess } from '@doublehop/workspace/gateway-access'
import t, { type Test } from 'tap'
import { attempt } from './kit/attempt.ts'
import { Door } from './kit/door.ts'
import { FrailRedis } from './kit/frail-redis.ts'
import { House, publish, type Running } from './kit/house.ts'
import { outcome, StaCaller } from './kit/sta-caller.ts'
import { missing } from './kit/tools.ts'
import { until } from './kit/wait.ts'

const DENIED = 'DH_SOCKS_DENIED'
const withoutRedis = missing('redis-server')

for (const redeemAt of ['gateway', 'proxy']) {
  t.test(
    `redeemAt: ${redeemAt}: a ticket opens one session, the second time the answer is 02 and the log says why`,
    async (t) => {
      const house = new House(t)
      const { access, ticket } = await house.doubleHop({ gateway: { redeemAt } })
      const one = await ticket()
      t.equal((await attempt(access, one)).outcome, 'connected')
      const second = await attempt(access, one)
      t.equal(second.outcome, DENIED)
      t.ok(second.milliseconds >= 250, `no earlier than 250 ms: ${second.milliseconds}`)
      t.same(refusals(house, 'sta'), ['DH_TICKET_USED'])
      t.same(refusals(house, 'proxy'), ['DH_TICKET_USED'])
      t.same(refusals(house, 'gateway'), [redeemAt === 'gateway' ? 'DH_TICKET_USED' : DENIED])
      t.equal((await attempt(access, one, 1494)).outcome, DENIED, 'and so for its other address')
    },
  )

  t.test(
    `redeemAt: ${redeemAt}: of ten launches with one ticket at once, one gets through`,
    async (t) => {
      const house = new House(t)
      const { access, ticket, vda } = await house.doubleHop({ gateway: { redeemAt } })
      const one = await ticket()
      const attempts = await Promise.all(Array.from({ length: 10 }, () => attempt(access, one)))
      t.same(attempts.map(({ outcome }) => outcome).toSorted(), [
        ...new Array(9).fill(DENIED),
        'connected',
      ])
      t.equal(
        house.steps().filter(({ name }) => name === 'dial').length,
        1,
        'the proxy dialled once',
      )
      t.ok(vda)
    },
  )
}

t.test(
  'a Redis of the STA that is away makes launches fail, and no ticket is used twice',
  { skip: withoutRedis },
  async (t) => {
    const house = new House(t)
    const redis = await FrailRedis.start(t)
    const { access, ticket } = await house.doubleHop({ sta: { store: redis.store } })
    const [used, live] = [await ticket(), await ticket()]
    t.equal((await attempt(access, used)).outcome, 'connected')
    await redis.stop()
    t.equal(
      (await attempt(access, live)).outcome,
      'DH_SOCKS_FAILED',
      'reply 01: nothing about the ticket is known',
    )
    t.equal((await attempt(access, used)).outcome, 'DH_SOCKS_FAILED')
    t.same(new Set(refusals(house, 'sta')), new Set(['DH_STA_STORE']))
    t.match(house.events('sta-refused').at(-1), {
      msg: /^the ticket store does not answer: /,
      action: 'check that Redis runs and sta.store leads to it',
    })
    await redis.start()
    await until(
      async () => (await attempt(access, used)).outcome,
      (seen) => seen !== 'DH_SOCKS_FAILED',
    )
    t.equal((await attempt(access, used)).outcome, DENIED)
    t.equal(
      (await attempt(access, live)).outcome,
      'connected',
      'which was not redeemed is still good',
    )
  },
)

/** A house with two STAs, each behind a door, whose storefront issues `;42;` tickets. */
class TwoStas {
  readonly house: House
  readonly stas: readonly [Running, Running]
  readonly doors: readonly [Door, Door]
  readonly access: GatewayAccess
  readonly proxyAsCaller: StaCaller

  private constructor(
    house: House,
    stas: TwoStas['stas'],
    doors: TwoStas['doors'],
    access: GatewayAccess,
    caller: StaCaller,
  ) {
    this.house = house
    this.stas = stas
    this.doors = doors
    this.access = access
    this.proxyAsCaller = caller
  }

  static async set(
    t: Test,
    redeemAt: string,
    more: { proxy?: object; firstSta?: object } = {},
  ): Promise<TwoStas> {
    const house = new House(t)
    const stas = [
      await house.sta({ authorityId: 'STA01', ...more.firstSta }),
      await house.sta({ authorityId: 'STA02' }),
    ] as const
    const doors = [
      await Door.before(t, stas[0].at.listen as Endpoint),
      await Door.before(t, stas[1].at.listen as Endpoint),
    ] as const
    const listed = doors.map((door, at) => ({
      id: `STA0${at + 1}`,
      urls: [`https://${door.where}`],
    }))
    const proxy = await house.proxy(listed, more.proxy)
    const vda = await house.vda()
    const storefront = await house.storefront(listed, publish(vda), { ticketVersion: 42 })
    const gateway = await house.gateway(listed, [{ name: 'proxy', address: proxy.where() }], {
      storefronts: [{ address: storefront.where() }],
      redeemAt,
    })
    return new TwoStas(house, stas, doors, house.access(gateway), new StaCaller(t, house, 'proxy'))
  }

  ticket(): Promise<Ticket> {
    return this.house.ticket(this.access)
  }

  async launch(ticket: Ticket): Promise<string> {
    return (await attempt(this.access, ticket)).outcome
  }

  /** What the STA itself says of this half, past all doors. */
  redeemDirectly(half: StaTicket | undefined): Promise<unknown> {
    const sta = this.stas[half?.sta === 'STA01' ? 0 : 1]
    return outcome(this.proxyAsCaller.redeem(sta, half?.reveal() ?? ''))
  }
}

for (const redeemAt of ['gateway', 'proxy']) {
  t.test(`redeemAt: ${redeemAt}: a 42 ticket`, async (t) => {
    await t.test('opens one session, and the half that was not needed is spent', async (t) => {
      const scene = await TwoStas.set(t, redeemAt)
      const ticket = await scene.ticket()
      t.equal(ticket.version, 42)
      t.equal(await scene.launch(ticket), 'connected')
      await until(
        () => scene.house.events('ticket-redeemed').length,
        (count) => count === 2,
      )
      t.equal(await scene.redeemDirectly(ticket.primary), 'DH_TICKET_USED')
      t.equal(await scene.redeemDirectly(ticket.redundant), 'DH_TICKET_USED')
      t.equal(await scene.launch(ticket), DENIED)
    })

    for (const [away, live] of [
      [0, 'primary'],
      [1, 'redundant'],
    ] as const) {
      await t.test(
        `launches while STA ${away + 1} is down, and its half that lives on is good no more`,
        async (t) => {
          const scene = await TwoStas.set(t, redeemAt)
          const ticket = await scene.ticket()
          await scene.doors[away].shut()
          t.equal(await scene.launch(ticket), 'connected')
          await until(
            () => scene.house.events('half-left').length,
            (count) => count === 1,
          )
          t.equal(await scene.launch(ticket), DENIED, 'while it is down')

          await scene.doors[away].open()
          const half = ticket[live] as StaTicket
          t.equal(await scene.launch(ticket), DENIED, 'when it is back')
          t.equal(await scene.launch(new Ticket(40, half)), DENIED, 'as a ticket of its own')
          t.equal(
            await scene.launch(new Ticket(42, half, new StaTicket('STA02', 'F'.repeat(32)))),
            DENIED,
            'with another half',
          )
          t.equal(scene.house.steps().filter(({ name }) => name === 'dial').length, 1)
          t.ok(Array.isArray(await scene.redeemDirectly(half)), 'though its STA had it still')
        },
      )
    }

    await t.test(
      'does not fall over when the first STA says used or expired, and does when it says unknown',
      async (t) => {
        const scene = await TwoStas.set(t, redeemAt, { firstSta: { ticketLifetime: '1 s' } })
        const late = await scene.ticket()
        const issued = performance.now()
        const used = await scene.ticket()
        await scene.redeemDirectly(used.primary)
        t.equal(await scene.launch(used), DENIED)
        t.ok(
          Array.isArray(await scene.redeemDirectly(used.redundant)),
          'the second half was not touched',
        )

        const { redundant } = await scene.ticket()
        const unknown = new Ticket(42, new StaTicket('STA01', 'F'.repeat(32)), redundant)
        t.equal(await scene.launch(unknown), 'connected')
        const foreign = new Ticket(
          42,
          new StaTicket('STA77', 'F'.repeat(32)),
          (await scene.ticket()).redundant,
        )
        t.equal(
          await scene.launch(foreign),
          'connected',
          'nor when the first STA is not one of ours',
        )

        await delay(Math.max(0, issued + 1001 - performance.now()))
        t.equal(await scene.launch(late), DENIED, 'its first half has expired')
        t.ok(Array.isArray(await scene.redeemDirectly(late.redundant)))
      },
    )

    await t.test('with both STAs down fails with 04, and works when one is back', async (t) => {
      const scene = await TwoStas.set(t, redeemAt)
      const ticket = await scene.ticket()
      await Promise.all(scene.doors.map((door) => door.shut()))
      t.equal(await scene.launch(ticket), 'DH_SOCKS_UNREACHABLE')
      await scene.doors[1].open()
      t.equal(await scene.launch(ticket), 'connected')
      await scene.doors[0].open()
      t.equal(await scene.launch(ticket), DENIED)
    })
  })
}

t.test(
  'redeemAt: proxy: proxies that share a Redis share what is left of 42 tickets',
  { skip: withoutRedis },
  async (t) => {
    const redis = await FrailRedis.start(t)
    const grants = { keys: ['file:certs/proxy/grant.key'], store: redis.store }
    const scene = await TwoStas.set(t, 'proxy', { proxy: { grants } })
    const listed = scene.doors.map((door, at) => ({
      id: `STA0${at + 1}`,
      urls: [`https://${door.where}`],
    }))
    const second = await scene.house.proxy(listed, { grants })
    const gateway = await scene.house.gateway(
      listed,
      [{ name: 'second', address: second.where() }],
      { redeemAt: 'proxy' },
    )
    const ticket = await scene.ticket()
    await scene.doors[0].shut()
    t.equal(await scene.launch(ticket), 'connected')
    await scene.doors[0].open()
    t.equal(
      (await attempt(scene.house.access(gateway), ticket)).outcome,
      DENIED,
      'at the other proxy',
    )
    t.equal(
      (await attempt(scene.house.access(gateway), new Ticket(40, ticket.primary))).outcome,
      DENIED,
    )
    const text = JSON.stringify([...(await redis.dump())])
    for (const half of [ticket.primary, ticket.redundant])
      t.notOk(text.includes(half?.reveal() ?? ''), 'and no ticket stands in there')
  },
)

/** Codes that this daemon gave as reason for refusals, in their order. */
function refusals(house: House, daemon: string): (Code | undefined)[] {
  const events = ['sta-refused', 'ticket-refused', 'launch-failed']
  return house.log
    .filter((line) => line.daemon === daemon && events.includes(line.event ?? ''))
    .map(({ code }) => code as Code)
}
