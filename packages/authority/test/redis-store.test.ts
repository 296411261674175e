import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { FrailRedis } from '../../../test/kit/frail-redis.ts'
import { missing } from '../../../test/kit/tools.ts'
import { until } from '../../../test/kit/wait.ts'
import { RedisStore } from '../src/redis-store.ts'
import { LIFETIME, Scene } from './both-stores.ts'

const skip = missing('redis-server')
const KEY = /^doublehop:sta:STA01:[0-9a-f]{64}$/

/** A store that gives up as soon as a daemon would. */
function storeOf(t: Test, server: FrailRedis, sta = 'STA01'): RedisStore {
  const options = { maxRetriesPerRequest: 1, commandTimeout: 500, retryStrategy: () => 50 }
  const store = new RedisStore(
    new Redis(server.url, options).on('error', () => {}),
    sta,
  )
  t.teardown(() => store.close())
  return store
}

t.test(
  'Redis sees no ticket and no data: keys are digests, values are encrypted',
  { skip },
  async (t) => {
    const redis = await FrailRedis.start(t)
    const { authority } = new Scene(storeOf(t, redis))
    const secret = 'vda-of-the-board.internal.example'
    const live = (
      await authority.issue([{ name: 'CGPAddress', value: `${secret}:2598` }], false)
    ).reveal()
    const used = (
      await authority.issue([{ name: 'CGPAddress', value: `${secret}:2598` }], true)
    ).reveal()
    await authority.redeem(used)

    const dump = await redis.dump()
    const digest = (hex: string): string =>
      `doublehop:sta:STA01:${createHash('sha256').update(hex).digest('hex')}`
    t.same(
      [...dump.keys()].toSorted(),
      [digest(live), digest(used), 'doublehop:sta:STA01:live'].toSorted(),
    )
    t.equal(dump.get(digest(used)), 'used', 'a used ticket leaves nothing but that')
    t.equal(dump.get('doublehop:sta:STA01:live'), digest(live))
    const everything = [...dump].flat().join('\n')
    const decoded = everything
      .split(/\s/)
      .map((word) => Buffer.from(word, 'base64').toString('latin1'))
      .join('\n')
    for (const text of [everything, decoded]) {
      for (const hidden of [live, used, secret, 'CGPAddress', live.slice(0, 8)])
        t.notOk(text.toUpperCase().includes(hidden.toUpperCase()), hidden.slice(0, 4))
    }
  },
)

t.test('two tickets for the same data look different in Redis', { skip }, async (t) => {
  const redis = await FrailRedis.start(t)
  const scene = new Scene(storeOf(t, redis))
  await scene.issue()
  await scene.issue()
  const values = [...(await redis.dump())]
    .filter(([key]) => KEY.test(key))
    .map(([, value]) => value.split(' ')[2])
  t.equal(values.length, 2)
  t.not(values[0], values[1])
})

t.test('everything in Redis ends by itself, two lifetimes after the issue', { skip }, async (t) => {
  const redis = await FrailRedis.start(t)
  const scene = new Scene(storeOf(t, redis))
  const client = redis.client()
  t.teardown(() => client.disconnect())
  const tickets = [await scene.issue(), await scene.issue()] as const
  await scene.redeem(tickets[0])
  for (const key of (await client.keys('*')).filter((name) => KEY.test(name))) {
    const left = await client.pttl(key)
    t.ok(left > 2 * LIFETIME - 5000 && left <= 2 * LIFETIME, `${left} ms are left, used or not`)
  }
})

t.test(
  'two STAs that share an id share their tickets, two with different ids do not',
  { skip },
  async (t) => {
    const redis = await FrailRedis.start(t)
    const [one, same, other] = [
      new Scene(storeOf(t, redis)),
      new Scene(storeOf(t, redis)),
      new Scene(storeOf(t, redis, 'STA02')),
    ]
    const ticket = await one.issue()
    t.equal(await other.redeem(ticket), 'DH_TICKET_UNKNOWN')
    const outcomes = await Promise.all([one.redeem(ticket), same.redeem(ticket)])
    t.same(outcomes.toSorted(), ['DH_TICKET_USED', 'redeemed'])
    t.equal(await one.authority.live(), 0)
  },
)

t.test('data that no STA has written is no ticket, and is not spent', { skip }, async (t) => {
  const redis = await FrailRedis.start(t)
  const scene = new Scene(storeOf(t, redis))
  const client = redis.client()
  t.teardown(() => client.disconnect())
  const [ticket, another] = [await scene.issue(), await scene.issue()]
  const key = (hex: string): string =>
    `doublehop:sta:STA01:${createHash('sha256').update(hex).digest('hex')}`
  const own = (await client.get(key(ticket))) ?? ''
  const foreign = (await client.get(key(another))) ?? ''
  const sealed = Buffer.from(own.split(' ')[2] ?? '', 'base64')
  sealed[20] = (sealed[20] ?? 0) ^ 1
  for (const value of [
    foreign,
    own.replace(/ \S+$/, ` ${sealed.toString('base64')}`),
    `${scene.now + 1000} 0`,
    `${scene.now + 1000} 0 AAAA`,
  ]) {
    await client.set(key(ticket), value)
    t.equal(await scene.redeem(ticket), 'DH_STA_STORE')
  }
  await client.set(key(ticket), own)
  t.equal(await scene.redeem(ticket), 'redeemed')
})

t.test(
  'while Redis is away nothing is issued or redeemed, and the error says so',
  { skip },
  async (t) => {
    const redis = await FrailRedis.start(t)
    const scene = new Scene(storeOf(t, redis))
    const [used, live] = [await scene.issue(), await scene.issue()]
    t.equal(await scene.redeem(used), 'redeemed')
    await redis.stop()
    await t.rejects(scene.issue(), {
      code: 'DH_STA_STORE',
      message: /^the ticket store does not answer: ./,
    })
    t.equal(await scene.redeem(live), 'DH_STA_STORE')
    t.equal(await scene.redeem(used), 'DH_STA_STORE')
    await t.rejects(scene.authority.live(), { code: 'DH_STA_STORE' })
    await redis.start()
    await until(
      () => scene.redeem(used),
      (outcome) => outcome !== 'DH_STA_STORE',
    )
    t.equal(await scene.redeem(used), 'DH_TICKET_USED', 'what was used stays used')
    t.equal(await scene.redeem(live), 'redeemed', 'what was not is still good')
  },
)

t.test(
  'a redemption whose answer is lost is never repeated: the ticket may be spent, not used twice',
  { skip },
  async (t) => {
    const redis = await FrailRedis.start(t)
    const scene = new Scene(storeOf(t, redis))
    const tickets = await Promise.all(Array.from({ length: 5 }, () => scene.issue()))
    redis.freeze()
    const lost = await Promise.all(tickets.map((ticket) => scene.redeem(ticket)))
    t.same(new Set(lost), new Set(['DH_STA_STORE']))
    redis.thaw()
    for (const ticket of tickets) {
      const outcomes = await Promise.all([
        scene.redeem(ticket),
        scene.redeem(ticket),
        scene.redeem(ticket),
      ])
      t.ok(outcomes.filter((outcome) => outcome === 'redeemed').length <= 1, outcomes.join(' '))
    }
  },
)
