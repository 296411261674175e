import type { Endpoint } from '@doublehop/wire/endpoint'
import t, { type Test } from 'tap'
import { askAdmin } from '../kit/ask-admin.ts'
import { attempt } from '../kit/attempt.ts'
import { failuresOf } from '../kit/failures.ts'
import { faultTable } from '../kit/fault-tables.ts'
import { FrailRedis } from '../kit/frail-redis.ts'
import { House } from '../kit/house.ts'
import { Link } from '../kit/link.ts'
import { missing } from '../kit/tools.ts'
import { until } from '../kit/wait.ts'
import { Witness } from '../kit/witness.ts'

/** What stands in the column `within`, and what a busy machine may add. */
const WITHIN: Readonly<Record<string, number>> = { '1 s': 1000, '3 s': 3000 }
const SLACK = 1500
/** /readyz notices within two seconds. */
const NOTICED = 2000
/** Each command goes there and back. */
const SLOW = 150

const skip = missing('redis-server')

t.jobs = 2
for (const whose of ['sta', 'proxy'] as const) {
  t.test(`the Redis of the ${whose}`, { skip, buffered: true }, async (t) => {
    const { house, redis, link, access, ticket, daemon } = await withRedis(t, whose)
    const bystander = await Witness.inSession(access, await ticket())
    const readyz = async () => {
      const response = await askAdmin(daemon.at.admin, '/readyz')
      return { status: response.status, ...((await response.json()) as { store: string }) }
    }
    const trouble: Record<string, [begin: () => unknown, end: () => unknown]> = {
      'is gone': [() => redis.stop(), () => redis.start()],
      hangs: [() => redis.freeze(), () => redis.thaw()],
      'is slow': [() => (link.delay = SLOW), () => (link.delay = 0)],
    }
    for (const row of faultTable('Redis in trouble').filter((one) => one.whose === whose)) {
      await t.test(`${row.Redis}: ${row['client gets']} within ${row.within}`, async (t) => {
        const [begin, end] = trouble[row.Redis ?? ''] ?? []
        const one = await ticket()
        const before = house.log.length
        const counted = await failuresOf(daemon.metrics)
        await begin?.()

        const witness = await Witness.arrive(access, one)
        const asked = performance.now()
        witness.ask()
        t.equal(await witness.fate(), row['client gets'])
        const milliseconds = performance.now() - asked
        t.ok(milliseconds < (WITHIN[row.within ?? ''] ?? 0) + SLACK, `${milliseconds} ms`)
        witness.leave()

        const isWell = row.store === 'ready'
        if (!isWell) {
          const code = row['who asks it says'] ?? ''
          const said = () =>
            house.log.slice(before).filter((line) => line.daemon === whose && line.code === code)
          t.ok((await until(said, ({ length }) => length > 0)).length, `the ${whose} says so`)
          const now = await failuresOf(daemon.metrics)
          t.ok((now[code] ?? 0) > (counted[code] ?? 0), 'and counts it')
          const failed = house.log
            .slice(before)
            .findLast(({ daemon, event }) => daemon === 'gateway' && event === 'launch-failed')
          t.equal(failed?.code, row.gateway, 'the gateway says so')
        }
        const shown = await until(
          readyz,
          ({ status, store }) => status === (isWell ? 200 : 503) && similar(store, row.store),
          NOTICED + SLACK,
        )
        t.ok(shown, `/readyz shows ${shown.store}`)
        t.ok(await bystander.echoes(), 'a session goes on')

        await end?.()
        await until(readyz, ({ status }) => status === 200, NOTICED + SLACK)
        const again = await attempt(access, one)
        t.equal(again.outcome, row['the ticket'] === 'good' ? 'connected' : 'DH_SOCKS_DENIED')
        ;(await Witness.inSession(access, await ticket())).leave()
        t.ok(await bystander.echoes(), 'and launches work again')
      })
    }
  })
}

/** A connection that is lost is tried again and again: it is `reconnecting`, `connecting` or just `close`. */
function similar(store: string, expected: string | undefined): boolean {
  if (expected !== 'reconnecting') return store === expected
  return ['reconnecting', 'connecting', 'connect', 'close'].includes(store)
}

/** A double hop in which this daemon has its store in a Redis, behind a wire. */
async function withRedis(t: Test, whose: 'sta' | 'proxy') {
  const house = new House(t)
  const redis = await FrailRedis.start(t)
  const link = await Link.before(t, redis.at)
  const store = redis.storeAt((link.at as Endpoint).port)
  const grants = { keys: ['file:certs/proxy/grant.key'], store }
  const hop = await house.doubleHop({
    ...(whose === 'sta' ? { sta: { store } } : { proxy: { grants } }),
    gateway: { limits: { failureDelay: 'off' } },
  })
  return { house, redis, link, access: hop.access, ticket: hop.ticket, daemon: hop[whose] }
}
