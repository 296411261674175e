import { setTimeout as delay } from 'node:timers/promises'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { REPLY } from '@doublehop/wire/socks5-messages'
import t, { type Test } from 'tap'
import { FrailRedis } from '../kit/frail-redis.ts'
import { type Hammered, hammer, type Try } from '../kit/hammer.ts'
import { connectVia, grantFor, SESSION } from '../kit/hop.ts'
import { House, type Running } from '../kit/house.ts'
import { atScale } from '../kit/nightly.ts'
import { outcome, StaCaller } from '../kit/sta-caller.ts'
import { StubVda } from '../kit/stub-vda.ts'
import { missing } from '../kit/tools.ts'

const ROUNDS = atScale(1, 6)
const TICKETS = atScale(40, 100)
const GRANTS = atScale(16, 40)
/** In this time all are touched for the first time; the trouble comes when the first of them has been used. */
const SPREAD = 800
const EMPTY = 'it comes back without anything'
const skip = missing('redis-server')

/** What becomes of a Redis in each round, while everybody goes on asking. */
const TROUBLES: Readonly<Record<string, (redis: FrailRedis) => Promise<void>>> = {
  'it is cut off and comes back': async (redis) => {
    await redis.stop()
    await delay(300)
    await redis.start()
  },
  'it hangs for longer than a command may take': async (redis) => {
    redis.freeze()
    await delay(1300)
    redis.thaw()
  },
  [EMPTY]: async (redis) => await redis.startEmpty(),
}

t.jobs = 2
t.setTimeout(atScale(120_000, 900_000))
for (const [what, trouble] of Object.entries(TROUBLES)) {
  t.test(`tickets: ${what}, and none is redeemed twice`, { skip, buffered: true }, async (t) => {
    const { redis, issue, redeem } = await withStas(t)
    for (let round = 0; round < ROUNDS; round++) {
      const tickets = await several(TICKETS, issue)
      const hammered = await hammer(
        tickets,
        [redeem(0), redeem(1), redeem(1)],
        SPREAD,
        async (firstWin) => {
          await firstWin
          await delay(round * 7)
          await trouble(redis)
          await untilWon(issue, redeem(1))
        },
      )
      eachOnce(t, hammered, what)
    }
  })

  t.test(`grants: ${what}, and none is taken twice`, { skip, buffered: true }, async (t) => {
    const { redis, mint, take } = await withProxies(t)
    // A proxy remembers what it took itself; two of them have nothing in common but what Redis has kept.
    const tries = what === EMPTY ? [take(0), take(0)] : [take(0), take(1)]
    for (let round = 0; round < ROUNDS; round++) {
      const grants = await several(GRANTS, mint)
      const hammered = await hammer(grants, tries, SPREAD, async (firstWin) => {
        await firstWin
        await delay(round * 7)
        await trouble(redis)
        await untilWon(mint, take(1))
      })
      eachOnce(t, hammered, what)
    }
  })
}

function eachOnce(t: Test, { wins, failures }: Hammered, what: string): void {
  const won = wins.filter((count) => count > 0).length
  t.ok(won > 0, `${won} of ${wins.length} were used, with ${failures} failures meanwhile`)
  t.ok(failures > 0 || what === EMPTY, 'it was in the way')
  t.same(
    wins.filter((count) => count > 1),
    [],
    'none of them twice',
  )
}

/** Two STAs with one id and one Redis. */
async function withStas(t: Test) {
  const house = new House(t)
  const redis = await FrailRedis.start(t)
  const stas = [
    await house.sta({ store: redis.store }),
    await house.sta({ store: redis.store }),
  ] as const
  const storefront = new StaCaller(t, house, 'storefront')
  const proxy = new StaCaller(t, house, 'proxy')
  const issue = async (): Promise<string> =>
    (await storefront.issue(stas[0], [{ name: 'CGPAddress', value: '10.0.0.5:2598' }])).reveal()
  const redeem =
    (at: 0 | 1) =>
    async (hex: string): Promise<Try> => {
      const got = await outcome(proxy.redeem(stas[at], hex))
      if (Array.isArray(got)) return 'won'
      return got === 'DH_STA_ANSWER' ? 'failed' : 'refused'
    }
  return { redis, issue, redeem }
}

/** Two proxies that share a Redis and so take each other's grants, driven by hand. */
async function withProxies(t: Test) {
  const house = new House(t)
  const redis = await FrailRedis.start(t)
  const stub = await StubVda.listen(t)
  const sta = await house.sta()
  const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
  const grants = { keys: ['file:certs/proxy/grant.key'], store: redis.store }
  const proxies: [Running, Running] = [
    await house.proxy(stas, { grants }),
    await house.proxy(stas, { grants }),
  ]
  const storefront = new StaCaller(t, house, 'storefront')
  const mint = async (): Promise<string> => {
    const ticket = await storefront.issue(sta, [{ name: 'CGPAddress', value: stub.where }])
    return await grantFor(house, proxies[0], sta.at.listen as Endpoint, ticket.reveal())
  }
  const take =
    (at: 0 | 1) =>
    async (grant: string): Promise<Try> => {
      const { reply, hop } = await connectVia(house, proxies[at], stub.at, [SESSION, grant])
      hop.destroy()
      if (reply === REPLY.succeeded) return 'won'
      return reply === REPLY.failed ? 'failed' : 'refused'
    }
  return { redis, mint, take }
}

/** Waits until things can be made and used again, without a restart. */
async function untilWon(
  make: () => Promise<string>,
  use: (thing: string) => Promise<Try>,
): Promise<void> {
  const work = async (): Promise<string> => await use(await make())
  while ((await outcome(work())) !== 'won') await delay(50)
}

/** So many of them, a few at a time; what does not come on a busy machine is asked for again. */
async function several(count: number, make: () => Promise<string>): Promise<string[]> {
  const made: string[] = []
  while (made.length < count) {
    const few = await Promise.allSettled(Array.from({ length: 5 }, make))
    made.push(...few.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])))
  }
  return made.slice(0, count)
}
