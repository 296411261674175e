import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../../test/kit/wait.ts'
import { LIFETIME, onBothStores, REFRESHABLE_LIFETIME } from './both-stores.ts'

const USED = 'DH_TICKET_USED'
const EXPIRED = 'DH_TICKET_EXPIRED'
const UNKNOWN = 'DH_TICKET_UNKNOWN'

onBothStores('a ticket is redeemed once, and gives back its data as it was', async (t, scene) => {
  const { authority } = scene()
  const data = [
    { name: 'CGPAddress', value: '[2001:db8::5]:2598' },
    { name: 'XData', value: '<?xml version="1.0"?>\r\n<a b="c">&amp; ü 日本 👍 \u0000</a>' },
    { name: '', value: '' },
    { name: 'CGPAddress', value: 'a second one of this name' },
    { name: '__proto__', value: 'used' },
  ]
  const ticket = await authority.issue(data, false)
  t.match(ticket.reveal(), /^[0-9A-F]{32}$/)
  t.same(await authority.redeem(ticket.reveal()), data)
  await t.rejects(authority.redeem(ticket.reveal()), { code: USED, message: /used before/ })
  await t.rejects(authority.redeem(ticket.reveal()), { code: USED })
})

onBothStores('no two tickets are alike', async (t, scene) => {
  const one = scene()
  const tickets = await Promise.all(Array.from({ length: 500 }, () => one.issue()))
  t.equal(new Set(tickets).size, 500)
})

onBothStores(
  'a ticket is good until the last millisecond of its life, and expired from then on',
  async (t, scene) => {
    const one = scene()
    const tickets = await Promise.all([one.issue(), one.issue(), one.issue()])
    const issued = one.now
    one.now = issued + LIFETIME - 1
    t.equal(await one.redeem(tickets[0]), 'redeemed', '1 ms before')
    one.now = issued + LIFETIME
    t.equal(await one.redeem(tickets[1]), EXPIRED, 'at that moment')
    one.now = issued + LIFETIME + 1
    t.equal(await one.redeem(tickets[2]), EXPIRED, '1 ms after')
    t.equal(await one.redeem(tickets[0]), USED, 'the used one stays used')
  },
)

onBothStores(
  'an expired ticket comes to life again by no refresh and no clock that is set back after it was used',
  async (t, scene) => {
    const one = scene()
    const [used, late] = [await one.issue(true), await one.issue(true)]
    t.equal(await one.redeem(used), 'redeemed')
    one.now += REFRESHABLE_LIFETIME
    t.equal(await one.refresh(late), EXPIRED)
    t.equal(await one.refresh(used), USED)
    one.now -= REFRESHABLE_LIFETIME
    t.equal(await one.redeem(used), USED)
  },
)

onBothStores(
  'markers and expired tickets are kept one more lifetime, then they are unknown',
  async (t, scene) => {
    // By the real clock: Redis forgets by its own.
    const lifetime = 400
    const one = scene({ ticketLifetime: lifetime, clock: Date.now })
    const began = performance.now()
    const [used, expired] = await Promise.all([one.issue(), one.issue()])
    t.equal(await one.redeem(used), 'redeemed')
    await delay(lifetime + 50)
    if (performance.now() - began < 2 * lifetime - 50) {
      t.equal(await one.redeem(used), USED)
      t.equal(await one.redeem(expired), EXPIRED)
    }
    await until(
      () => one.redeem(used),
      (outcome) => outcome === UNKNOWN,
    )
    await until(
      () => one.redeem(expired),
      (outcome) => outcome === UNKNOWN,
    )
    t.ok(performance.now() - began > 2 * lifetime - 50, 'but not before two lifetimes')
  },
)

onBothStores('a refreshable ticket lives on from each refresh', async (t, scene) => {
  const one = scene()
  const ticket = await one.issue(true)
  for (let refreshes = 0; refreshes < 5; refreshes++) {
    one.now += REFRESHABLE_LIFETIME - 1
    t.equal(await one.authority.refresh(ticket), one.now + REFRESHABLE_LIFETIME)
  }
  one.now += REFRESHABLE_LIFETIME - 1
  t.same(
    await one.authority.redeem(ticket),
    [{ name: 'CGPAddress', value: '10.0.0.5:2598' }],
    'and is redeemed once',
  )
  t.equal(await one.redeem(ticket), USED)
  t.equal(await one.refresh(ticket), USED)
})

onBothStores('a refreshable ticket that is not refreshed expires', async (t, scene) => {
  const one = scene()
  const ticket = await one.issue(true)
  one.now += REFRESHABLE_LIFETIME
  t.equal(await one.refresh(ticket), EXPIRED)
  t.equal(await one.redeem(ticket), EXPIRED)
})

onBothStores(
  'an ordinary ticket is not refreshed, and none that does not exist',
  async (t, scene) => {
    const one = scene()
    const ticket = await one.issue()
    t.equal(await one.refresh(ticket), UNKNOWN)
    t.equal(await one.refresh('F'.repeat(32)), UNKNOWN)
    t.equal(await one.refresh('0'.repeat(32)), UNKNOWN)
    t.equal(await one.redeem(ticket), 'redeemed', 'which spends nothing')
  },
)

onBothStores(
  'the all-zero ticket, one that was never issued and one of another authority are unknown',
  async (t, scene) => {
    const one = scene()
    const ticket = await one.issue()
    t.equal(await one.redeem('0'.repeat(32)), UNKNOWN)
    t.equal(await one.redeem('0'.repeat(30)), UNKNOWN)
    t.equal(await one.redeem('A'.repeat(32)), UNKNOWN)
    t.equal(await one.redeem(ticket.slice(0, 30)), UNKNOWN, 'the beginning of a ticket')
    await t.rejects(one.authority.redeem(ticket, 'STA02'), { code: UNKNOWN })
    await t.rejects(one.authority.refresh(ticket, 'STA02'), { code: UNKNOWN })
    t.equal(await one.redeem(ticket), 'redeemed')
  },
)

onBothStores(
  'there is a limit of live tickets, and room again after a redemption or an expiry',
  async (t, scene) => {
    const one = scene({ maxTickets: 3 })
    const tickets = [await one.issue(), await one.issue(), await one.issue()] as const
    t.equal(await one.authority.live(), 3)
    await t.rejects(one.issue(), {
      code: 'DH_STA_FULL',
      message: 'the STA holds 3 live tickets and takes no more',
    })
    t.equal(await one.redeem(tickets[0]), 'redeemed')
    t.equal(await one.authority.live(), 2)
    one.now += 1000
    const last = await one.issue()
    await t.rejects(one.issue(), { code: 'DH_STA_FULL' })
    one.now += LIFETIME - 1000
    t.equal(await one.authority.live(), 1, 'two have expired')
    await one.issue()
    await one.issue()
    await t.rejects(one.issue(), { code: 'DH_STA_FULL' })
    t.equal(await one.redeem(tickets[1]), EXPIRED, 'those that made room are still told apart')
    t.equal(await one.redeem(last), 'redeemed')
  },
)

onBothStores('a refusal makes no room, and a second redemption neither', async (t, scene) => {
  const one = scene({ maxTickets: 2 })
  const ticket = await one.issue()
  await one.issue()
  for (let times = 0; times < 5; times++) await one.redeem('B'.repeat(32))
  await t.rejects(one.issue(), { code: 'DH_STA_FULL' })
  for (let times = 0; times < 5; times++) await one.redeem(ticket)
  t.equal(await one.authority.live(), 1)
  await one.issue()
  await t.rejects(one.issue(), { code: 'DH_STA_FULL' })
})

onBothStores('of many who issue at once no more than the limit are served', async (t, scene) => {
  const one = scene({ maxTickets: 20 })
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, () =>
      one.issue().then(
        () => 'issued',
        ({ code }) => code,
      ),
    ),
  )
  t.equal(outcomes.filter((outcome) => outcome === 'issued').length, 20)
  t.equal(outcomes.filter((outcome) => outcome === 'DH_STA_FULL').length, 30)
})

onBothStores('of ten redemptions at once one wins, the others are told: used', async (t, scene) => {
  const one = scene()
  for (let round = 0; round < 100; round++) {
    const ticket = await one.issue()
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => one.redeem(ticket)))
    t.same(outcomes.toSorted(), [...new Array(9).fill(USED), 'redeemed'])
  }
})

onBothStores('a refresh and a redemption at once do not undo each other', async (t, scene) => {
  const one = scene()
  for (let round = 0; round < 100; round++) {
    const ticket = await one.issue(true)
    await Promise.all([one.redeem(ticket), one.refresh(ticket), one.refresh(ticket)])
    t.equal(await one.redeem(ticket), USED)
  }
})
