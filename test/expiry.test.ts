import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { encodeCgpFlight } from '@doublehop/wire/cgp'
import { StaTicket, Ticket } from '@doublehop/wire/ticket'
import t from 'tap'
import { attempt, say, socksFlight } from './kit/attempt.ts'
import { House } from './kit/house.ts'

const DENIED = 'DH_SOCKS_DENIED'
const LIFETIME = 2000
const sta = { ticketLifetime: `${LIFETIME} ms` }

for (const redeemAt of ['gateway', 'proxy']) {
  t.test(
    `redeemAt: ${redeemAt}: a ticket launches within its lifetime, then it is expired, one lifetime later unknown`,
    async (t) => {
      const house = new House(t)
      const { access, ticket } = await house.doubleHop({ sta, gateway: { redeemAt } })
      const [quick, late] = [await ticket(), await ticket()]
      const issued = performance.now()
      t.equal((await attempt(access, quick)).outcome, 'connected')
      await delay(issued + LIFETIME + 1 - performance.now())
      t.equal((await attempt(access, late)).outcome, DENIED)
      await delay(issued + 2 * LIFETIME + 1 - performance.now())
      t.equal((await attempt(access, late)).outcome, DENIED)
      t.equal((await attempt(access, quick)).outcome, DENIED, 'nor is the used one good again')
      t.same(
        house.events('sta-refused').map(({ code }) => code),
        ['DH_TICKET_EXPIRED', 'DH_TICKET_UNKNOWN', 'DH_TICKET_UNKNOWN'],
      )
    },
  )
}

t.test(
  'whatever is wrong with a ticket, the answer is the same and comes no earlier than 250 ms',
  async (t) => {
    const house = new House(t)
    const { access, ticket } = await house.doubleHop({ sta })
    const [used, expired, usedByCgp, expiredByCgp] = [
      await ticket(),
      await ticket(),
      await ticket(),
      await ticket(),
    ]
    const issued = performance.now()
    await attempt(access, used)
    await attempt(access, usedByCgp)
    await delay(issued + LIFETIME + 1 - performance.now())
    const unknown = new Ticket(
      40,
      new StaTicket('STA01', randomBytes(16).toString('hex').toUpperCase()),
    )
    const allZero = new Ticket(40, new StaTicket('STA01', '0'.repeat(32)))
    const foreign = new Ticket(40, new StaTicket('STA99', 'A'.repeat(32)))
    const good = used.reveal()

    const connects = {
      'a used ticket': socksFlight(good),
      'an expired one': socksFlight(expired.reveal()),
      'an unknown one': socksFlight(unknown.reveal()),
      'the all-zero one': socksFlight(allZero.reveal()),
      'one of a strange STA': socksFlight(foreign.reveal()),
      'one that is too short': socksFlight(good.slice(0, -1)),
      'one in lower case': socksFlight(good.toLowerCase()),
      'one of version 99': socksFlight(good.replace(';40;', ';99;')),
      'a used one with another port': socksFlight(good, 22),
      'no ticket': socksFlight('vda.internal.example'),
      'an address': socksFlight('127.0.0.1'),
      'an IPv6 address': socksFlight('::1'),
    }
    const answers = await Promise.all(
      Object.entries(connects).map(async ([what, flight]) => ({
        what,
        ...(await say(access, flight)),
      })),
    )
    for (const { what, heard, milliseconds } of answers) {
      t.equal(heard.toString('hex'), '050005020001000000000000', what)
      t.ok(milliseconds >= 250, `${what}: after ${milliseconds} ms`)
    }

    const flights = {
      'a used ticket': usedByCgp,
      'an expired one': expiredByCgp,
      'an unknown one': unknown,
      'the all-zero one': allZero,
      'one of a strange STA': foreign,
    }
    const closed = await Promise.all(
      Object.entries(flights).map(async ([what, one]) => ({
        what,
        ...(await say(access, encodeCgpFlight(one))),
      })),
    )
    for (const { what, heard, milliseconds } of closed) {
      t.equal(heard.length, 0, `CGP, ${what}: no byte`)
      t.ok(milliseconds >= 250, `CGP, ${what}: closed after ${milliseconds} ms`)
    }

    const [slow, slowCgp] = [socksFlight(good), encodeCgpFlight(usedByCgp)]
    for (const flight of [slow, slowCgp]) {
      const { milliseconds } = await say(access, flight.subarray(0, 20), flight.subarray(20))
      t.ok(
        milliseconds >= 250,
        `counted from the last byte of a request that came slowly: ${milliseconds} ms`,
      )
    }
  },
)

t.test('the clocks of gateway and proxy have no say: the STA judges', async (t) => {
  const house = new House(t)
  const { access, ticket } = await house.doubleHop({ sta, storefront: { ticketLifetime: '1 ms' } })
  const one = await ticket()
  await delay(20)
  t.equal(
    (await attempt(access, one)).outcome,
    'connected',
    'whatever lifetime the storefront believes in',
  )
})
