import t from 'tap'
import { FrailRedis } from './kit/frail-redis.ts'
import { House } from './kit/house.ts'
import { outcome, StaCaller } from './kit/sta-caller.ts'
import { missing } from './kit/tools.ts'

const withoutRedis = missing('redis-server')

t.test('two redemptions of each of 1,000 tickets at once, by HTTPS', async (t) => {
  const stores = [
    ['memory', false],
    ['Redis', withoutRedis],
  ] as const
  for (const [store, skip] of stores) {
    await t.test(
      `${store}: each time exactly one is given the data, the other is told: used`,
      { skip },
      async (t) => {
        const house = new House(t)
        const url = store === 'memory' ? 'memory' : (await FrailRedis.start(t)).store
        const stas = [
          await house.sta({ store: url }),
          store === 'memory' ? undefined : await house.sta({ store: url }),
        ] as const
        const [first, second = first] = stas
        const [storefront, proxy, other] = [
          new StaCaller(t, house, 'storefront'),
          new StaCaller(t, house, 'proxy'),
          new StaCaller(t, house, 'proxy'),
        ]
        const tickets = await Promise.all(
          Array.from({ length: 1000 }, () =>
            storefront.issue(first, [{ name: 'CGPAddress', value: '10.0.0.5:2598' }]),
          ),
        )
        const outcomes = await Promise.all(
          tickets.map((ticket) =>
            Promise.all([
              outcome(proxy.redeem(first, ticket.reveal())),
              outcome(other.redeem(second, ticket.reveal())),
            ]),
          ),
        )
        const fair = outcomes.filter(
          ([a, b]) => (a === 'DH_TICKET_USED') !== (b === 'DH_TICKET_USED'),
        )
        t.equal(fair.length, 1000)
        t.ok(outcomes.every((pair) => pair.some((one) => Array.isArray(one))))
      },
    )
  }
})
