import type { Ticket } from '@doublehop/wire/ticket'
import t, { type Test } from 'tap'
import { freePort } from '../kit/free-port.ts'
import { House, publish } from '../kit/house.ts'
import { Mortal } from '../kit/mortal.ts'
import { until } from '../kit/wait.ts'
import { Witness } from '../kit/witness.ts'

const LIMIT = 2000
const limits = { staRequest: `${LIMIT} ms`, dial: `${LIMIT} ms`, failureDelay: 'off' }
/** What waits for nothing, on a busy machine. */
const AT_ONCE = 950
/** What a busy machine may add. */
const SLACK = 2000

t.jobs = 2
for (const redeemAt of ['gateway', 'proxy'] as const) {
  t.test(`redeemAt: ${redeemAt}: of two STAs the first dies`, { buffered: true }, async (t) => {
    for (const version of [40, 42] as const) {
      await t.test(`tickets of version ${version}`, async (t) => {
        const { first, access, ticket } = await twoStas(t, redeemAt, version)
        const before = await ticket()
        const bystander = await Witness.inSession(access, await ticket())
        await first.kill()
        const had = version === 40 ? '04' : 'session'
        t.same(await launch(access, before), { fate: had, slow: false }, 'a ticket from before')
        const asked = performance.now()
        const after = await ticket()
        t.ok(performance.now() - asked < AT_ONCE, 'there are tickets as before')
        t.equal(after.primary.sta, 'STA02')
        t.same(await launch(access, after), { fate: 'session', slow: false }, 'and they launch')

        await first.start()
        const anew = await until42(ticket, version)
        t.same(await launch(access, anew), { fate: 'session', slow: false })
        t.ok(await bystander.echoes(), 'who was in a session has not noticed')
      })
    }
  })

  t.test(`redeemAt: ${redeemAt}: of two STAs the first freezes`, { buffered: true }, async (t) => {
    const { first, access, ticket } = await twoStas(t, redeemAt, 42)
    const before = [await ticket(), await ticket()] as const
    const bystander = await Witness.inSession(access, await ticket())
    first.freeze()

    // Whoever asks on a connection that was kept has asked; it is closed behind them, and the next are told in time.
    const early = performance.now()
    t.match((await launch(access, before[0])).fate, /^(session|04)$/, 'a launch at that moment')
    t.ok(performance.now() - early < LIMIT + SLACK, 'has its answer within the limit')
    const asked = performance.now()
    t.equal((await launch(access, before[1])).fate, 'session', 'the next is served by the second')
    t.ok(performance.now() - asked < LIMIT + SLACK, `${performance.now() - asked} ms`)

    const wanted = performance.now()
    const after = await ticket()
    t.ok(performance.now() - wanted < LIMIT + SLACK, 'a new ticket comes within the limit')
    t.same(await launch(access, after), { fate: 'session', slow: false }, 'and is the second one’s')
    const again = performance.now()
    t.equal((await ticket()).version, 40)
    t.ok(performance.now() - again < AT_ONCE, 'nobody waits for the first any more')

    first.thaw()
    const anew = await until42(ticket, 42)
    t.same(await launch(access, anew), { fate: 'session', slow: false }, 'and both serve again')
    t.ok(await bystander.echoes(), 'who was in a session has not noticed')
  })
}

/** A double hop with two STAs, the first of them a process. */
async function twoStas(t: Test, redeemAt: string, ticketVersion: number) {
  const house = new House(t)
  const first = await new Mortal(t, house, 'sta', {
    authorityId: 'STA01',
    listen: `127.0.0.1:${await freePort()}`,
    identity: house.identity('sta'),
    serviceKey: 'file:certs/sta/service.key',
    issuers: { names: ['storefront'] },
    redeemers: { names: ['proxy'] },
  }).start()
  const second = await house.sta({ authorityId: 'STA02' })
  const stas = [first, second].map((sta, at) => ({
    id: `STA0${at + 1}`,
    urls: [`https://${sta.where()}`],
  }))
  const vda = await house.vda()
  const { failureDelay: _, ...ofProxy } = limits
  const proxy = await house.proxy(stas, { limits: ofProxy })
  const storefront = await house.storefront(stas, publish(vda), {
    ticketVersion,
    limits: { staRequest: limits.staRequest },
  })
  const gateway = await house.gateway(stas, [{ name: 'proxy', address: proxy.where() }], {
    storefronts: [{ address: storefront.where() }],
    redeemAt,
    limits,
  })
  const access = house.access(gateway)
  return { first, access, ticket: () => house.ticket(access) }
}

type Access = Awaited<ReturnType<typeof twoStas>>['access']

/** What becomes of a launch, and whether it had to wait. */
async function launch(access: Access, ticket: Ticket): Promise<{ fate: string; slow: boolean }> {
  const witness = await Witness.arrive(access, ticket)
  const asked = performance.now()
  witness.ask()
  const fate = await witness.fate()
  const slow = performance.now() - asked > AT_ONCE
  witness.leave()
  return { fate, slow }
}

/** A ticket of both STAs, or of the first: the storefront asks the first for none until it has answered once. */
function until42(ticket: () => Promise<Ticket>, version: number): Promise<Ticket> {
  return until(ticket, (one) => one.version === version, 10_000)
}
