import { setTimeout as delay } from 'node:timers/promises'
import { fault } from '@doublehop/errors/fault'
import { parseTicket, type Ticket } from '@doublehop/wire/ticket'
import { forward } from '@doublehop/workspace/forward'
import t, { type Test } from 'tap'
import { EndServer, openEnd } from '../../../test/kit/ends.ts'
import { House } from '../../../test/kit/house.ts'
import { arrivedFrom, bytesFrom, hearAll, sayAll } from '../../../test/kit/transfer.ts'
import { until } from '../../../test/kit/wait.ts'

const ANY = { host: '127.0.0.1', port: 0 }

/** A local port that leads through both hops to a server in the test's hands. */
async function open(t: Test, protocol: 'socks' | 'cgp' = 'socks', tickets?: () => Promise<Ticket>) {
  const house = new House(t)
  const server = await EndServer.open(t)
  const published = [{ name: 'server', cgpAddress: `127.0.0.1:${server.at.port}` }]
  const { access, ticket } = await house.doubleHop({ published })
  const closed: object[] = []
  const failed: string[] = []
  const listener = await forward(access, {
    on: ANY,
    port: 2598,
    protocol,
    ticket: tickets ?? (() => ticket('server')),
    onClosed: (peer, spliced) => void closed.push({ ...peer, ...spliced }),
    onFailed: (_, { code }) => void failed.push(code),
  })
  t.teardown(() => listener.stop())
  return { house, server, listener, closed, failed, connect: () => openEnd(t, listener.at) }
}

t.test('every connection has a session of its own, whole and both ways', async (t) => {
  const { server, connect, closed, house } = await open(t)
  const [one, other] = [await connect(), await connect()]
  const servers = [await server.next(), await server.next()]
  one.say('one')
  other.say('other')
  await until(
    () => servers.map(({ heard }) => heard.toString()).sort(),
    (heard) => heard.join() === 'one,other',
  )
  for (const end of [one, other]) end.finish()
  for (const end of servers) {
    await end.until(() => end.ended)
    end.finish('bye')
  }
  t.equal((await one.rest()).toString(), 'bye')
  t.equal((await other.rest()).toString(), 'bye')
  await until(
    () => closed.length,
    (count) => count === 2,
  )
  t.match(closed[0], { host: '127.0.0.1', reason: 'client-closed', down: 3 })
  t.equal(new Set(house.steps().map(({ session }) => session)).size, 2)
})

t.test('what a client says before its session is open is not lost', async (t) => {
  const { server, connect } = await open(t)
  const client = await connect()
  const said = bytesFrom('early', 5_000_000)
  const saying = sayAll(client, said)
  const far = await server.next()
  t.same(await hearAll(far), arrivedFrom(said))
  await saying
  far.finish('thanks')
  t.equal((await client.rest()).toString(), 'thanks')
})

t.test('half-close and reset pass', async (t) => {
  const { server, connect } = await open(t)
  const client = await connect()
  client.finish('question')
  const far = await server.next()
  t.equal((await far.rest()).toString(), 'question')
  far.finish('answer')
  t.equal((await client.rest()).toString(), 'answer')

  for (const by of ['client', 'server'] as const) {
    const [near, distant] = [await connect(), await server.next()]
    near.say('x')
    await distant.read(1)
    const [breaker, other] = by === 'client' ? [near, distant] : [distant, near]
    breaker.reset()
    t.equal(await other.ending(), 'ECONNRESET')
  }
})

t.test('a CGP client’s server sees the flight first', async (t) => {
  const { server, connect } = await open(t, 'cgp')
  const client = await connect()
  client.say('hello')
  const far = await server.next()
  await until(
    () => far.heard.toString(),
    (text) => text.endsWith('hello'),
  )
  t.ok(far.heard.toString().startsWith('\x1aCGP/01'))
})

t.test(
  'a connection without a ticket, or with a bad one, is reset, and the next one served',
  async (t) => {
    const tries = [
      () => fault('DH_STOREFRONT_ANSWER', { status: 503, why: 'no ticket' }),
      () => new Error('on purpose'),
      () => parseTicket(';40;STA01;00000000000000000000000000000001'),
    ]
    const { connect, failed } = await open(t, 'socks', async () => {
      await delay(20) // so that the client learns that it is connected
      const outcome = tries.shift()?.()
      if (outcome instanceof Error) throw outcome
      return outcome as Ticket
    })
    for (const count of [1, 2, 3]) {
      const client = await connect()
      t.equal(await client.ending(), 'ECONNRESET')
      t.equal(failed.length, count)
    }
    t.same(failed.slice(0, 2), ['DH_STOREFRONT_ANSWER', 'DH_INTERNAL'])
    t.match(failed[2], /^DH_/)
  },
)

t.test('a port that is taken is named', async (t) => {
  const { listener } = await open(t)
  const house = new House(t)
  const { access, ticket } = await house.doubleHop()
  const again = forward(access, {
    on: listener.at,
    port: 2598,
    protocol: 'socks',
    ticket: () => ticket(),
  })
  await t.rejects(again, { code: 'DH_LISTEN', details: { why: 'the port is taken' } })
})
