import { connect as connectTcp } from 'node:net'
import { concat } from '@doublehop/wire/conversation'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeReply, REPLY } from '@doublehop/wire/socks5-messages'
import { bytesOf } from '@doublehop/wire/text'
import type { Ticket } from '@doublehop/wire/ticket'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { shownBy } from './kit/ask-admin.ts'
import { SOCKS_GREETING, socksRequest } from './kit/flights.ts'
import { Gate } from './kit/gate.ts'
import { House, publish } from './kit/house.ts'
import { ending } from './kit/refusal.ts'
import { exchange, read } from './kit/session.ts'
import { until } from './kit/wait.ts'

/** What one limit alone shows stands in test/limits. */

/** What a slow machine may add to a limit that must not be doubled. */
const SLACK = 0.6

t.test('a client that says nothing has until the first flight must be there', async (t) => {
  const { house, access } = await limited(t, { firstFlight: '300 ms' })
  const { heard, milliseconds } = await ending(await access.dial(), new Uint8Array(0))
  t.equal(heard.length, 0)
  t.ok(milliseconds >= 290, `${milliseconds} ms`)
  t.match(house.events('client-refused'), [{ code: 'DH_HANDSHAKE_DEADLINE', daemon: 'gateway' }])
})

t.test('a late first byte does not begin the time anew', async (t) => {
  const { access } = await limited(t, { firstFlight: '1 s' })
  const leg = await access.dial()
  const since = performance.now()
  setTimeout(() => leg.write(Uint8Array.of(5)), 900)
  await ending(leg, new Uint8Array(0))
  const took = performance.now() - since
  t.ok(took >= 990 && took < 1900 - 1000 * (1 - SLACK), `${took} ms`)
})

t.test('a gateway that ends cuts who is still in the handshake', async (t) => {
  const { gateway } = await limited(t, {})
  const client = connectTcp(gateway.at.listen as Endpoint)
  const closed = new Promise<void>((resolve) =>
    client.on('close', () => resolve()).on('error', () => {}),
  )
  await until(
    () => shownBy(gateway.at.admin),
    ({ handshakes }) => handshakes.length === 1,
  )
  const since = performance.now()
  await gateway.close()
  await closed
  t.ok(performance.now() - since < 5000, 'long before the 10 s of a handshake')
})

t.test('a launch that stands still ends after its time, and says where it stood', async (t) => {
  for (const redeemAt of ['gateway', 'proxy']) {
    const { house, access, gate, ticket } = await limited(
      t,
      { launch: '500 ms', staRequest: '5 s' },
      { redeemAt },
    )
    const wanted = await ticket()
    gate.hold()
    const request = socksRequest(wanted.reveal(), 2598)
    const { heard, milliseconds } = await ending(
      await access.dial(),
      concat(SOCKS_GREETING, request),
    )
    t.same(heard, Buffer.concat([Buffer.of(5, 0), encodeReply(REPLY.hostUnreachable)]))
    t.ok(milliseconds >= 490, `${milliseconds} ms`)
    const [failed] = house.events('launch-failed')
    t.match(failed, {
      daemon: 'gateway',
      code: 'DH_LAUNCH_DEADLINE',
      step: redeemAt === 'gateway' ? 4 : 7,
    })
    gate.release()
  }
})

t.test('who was cut beyond the limit of sessions is let in when there is room', async (t) => {
  const { house, access, gateway, ticket } = await limited(t, { sessions: 1 })
  const isEmpty = () =>
    until(
      () => shownBy(gateway.at.admin),
      ({ sessions, http = [] }) => sessions.length + http.length === 0,
    )
  const tickets = []
  while (tickets.length < 2) {
    tickets.push(await ticket())
    await isEmpty()
  }
  const [one, other] = tickets as [Ticket, Ticket]
  const first = await launch(access, { ticket: one, port: 2598, protocol: 'socks' })
  await t.rejects(launch(access, { ticket: other, port: 2598, protocol: 'socks' }))
  t.match(house.events('handshake-failed'), [{ daemon: 'gateway', code: 'DH_LIMIT_SESSIONS' }])

  t.same(await exchange(first.leg, bytesOf('still here')), bytesOf('still here'))
  await isEmpty()
  const next = await launch(access, { ticket: other, port: 2598, protocol: 'socks' })
  t.same(await exchange(next.leg, bytesOf('and so am I')), bytesOf('and so am I'))
})

t.test('a session without a byte for the idle time is ended at both hops', async (t) => {
  const { house, access, ticket } = await limited(t, { idle: '300 ms' })
  const { leg } = await launch(access, { ticket: await ticket(), port: 2598, protocol: 'socks' })
  leg.write(bytesOf('one word'))
  t.same(await read(leg, 8), bytesOf('one word'))
  await ending(leg, new Uint8Array(0))
  const closed = await until(
    () => house.log.filter(({ event, daemon }) => event === 'session-closed' && daemon !== 'vda'),
    (lines) => lines.length === 2,
  )
  t.match(
    closed.find(({ daemon }) => daemon === 'gateway'),
    { reason: 'idle-timeout', bytesUp: 8, bytesDown: 8 },
  )
  t.match(
    closed.find(({ daemon }) => daemon === 'proxy'),
    { reason: 'error:ECONNRESET' },
  )
})

/** A double hop whose gateway has these limits, and a gate before its STA. */
async function limited(t: Test, limits: object, more: object = {}) {
  const house = new House(t)
  const sta = await house.sta()
  const vda = await house.vda()
  const gate = await Gate.before(t, sta.at.listen as Endpoint)
  const stas = [{ id: 'STA01', urls: [`https://${gate.where}`] }]
  const proxy = await house.proxy(stas)
  const direct = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
  const storefront = await house.storefront(direct, publish(vda))
  const gateway = await house.gateway(stas, [{ name: 'proxy', address: proxy.where() }], {
    storefronts: [{ address: storefront.where() }],
    limits,
    ...more,
  })
  const access = house.access(gateway)
  return { house, access, gateway, gate, ticket: () => house.ticket(access) }
}
