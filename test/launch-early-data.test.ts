import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import type { Leg } from '@doublehop/daemon/leg'
import { concat } from '@doublehop/wire/conversation'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeReply, REPLY } from '@doublehop/wire/socks5-messages'
import { bytesOf } from '@doublehop/wire/text'
import type { Ticket } from '@doublehop/wire/ticket'
import type { GatewayAccess } from '@doublehop/workspace/gateway-access'
import t, { type Test } from 'tap'
import { shownBy } from './kit/ask-admin.ts'
import { oddCgpFlight, SOCKS_GREETING, socksRequest } from './kit/flights.ts'
import { Gate } from './kit/gate.ts'
import { House, type Running } from './kit/house.ts'
import { exchange, read } from './kit/session.ts'
import { type StubSession, StubVda } from './kit/stub-vda.ts'
import { until } from './kit/wait.ts'

const REPLIED = Buffer.from(encodeReply(REPLY.succeeded))

interface Held {
  readonly house: House
  readonly gateway: Running
  readonly proxy: Running
  readonly stub: StubVda
  /** before the STA: while it is held, no ticket is redeemed */
  readonly gate: Gate
  readonly access: GatewayAccess
}

for (const redeemAt of ['gateway', 'proxy'] as const) {
  t.test(`what is said early waits for the ticket to be redeemed at the ${redeemAt}`, async (t) => {
    const held = await withHeldSta(t, { redeemAt })
    const { stub, access } = held

    for (const size of [1, 65_536, 1_000_000]) {
      t.test(`${size} bytes right behind a SOCKS request`, async (t) => {
        const early = randomBytes(size)
        const leg = await access.dial()
        leg.write(SOCKS_GREETING)
        t.same(await read(leg, 2), [5, 0])
        const request = socksRequest((await heldTicket(held)).reveal(), 2598)
        const back = exchange(leg, concat(request, early))
        const released = await arrives(t, held)
        t.ok((await back).equals(concat(REPLIED, early)), 'the reply comes first, then all of it')
        isWhole(t, stub, early, released)
      })

      t.test(`${size} bytes right behind a CGP flight`, async (t) => {
        const said = concat(oddCgpFlight(await heldTicket(held)), randomBytes(size))
        const back = exchange(await access.dial(), said)
        const released = await arrives(t, held)
        t.ok((await back).equals(said), 'and no byte of the gateway’s own before it')
        isWhole(t, stub, said, released)
      })
    }

    t.test('flight and early data that are there leave in one write', async (t) => {
      const said = concat(oddCgpFlight(await heldTicket(held)), randomBytes(2000))
      const back = exchange(await access.dial(), said)
      await arrives(t, held)
      await back
      t.ok(stub.sessions.at(-1)?.reads[0]?.equals(said))
    })

    t.test('greeting, request and early data may come in one write', async (t) => {
      const request = socksRequest((await heldTicket(held)).reveal(), 2598)
      const back = exchange(await access.dial(), concat(SOCKS_GREETING, request, bytesOf('early')))
      await arrives(t, held)
      t.same(await back, concat(Uint8Array.of(5, 0), REPLIED, bytesOf('early')))
    })

    t.test('a client that says far too much is not read from, and loses nothing', async (t) => {
      const early = randomBytes(24_000_000)
      const request = socksRequest((await heldTicket(held)).reveal(), 2598)
      const client = connectTls({
        ...held.gateway.at.listen,
        ca: held.house.read('workspace/ca.crt'),
      })
      await once(client, 'secureConnect')
      const back = client.toArray()
      client.end(concat(SOCKS_GREETING, request, early))
      await until(
        () => held.gate.waiting,
        (bytes) => bytes > 0,
      )
      const stuck = await settled(() => client.writableLength)
      t.ok(stuck > 0, `${stuck} bytes have not left the client`)
      held.gate.release()
      const whole = concat(Uint8Array.of(5, 0), REPLIED, early)
      t.ok(Buffer.concat(await back).equals(whole))
    })
  })
}

t.test('a client that ends its half during the launch still gets its answer', async (t) => {
  const answer = ({ socket }: StubSession): void => {
    socket.on('end', () => socket.end('you said all you wanted'))
  }
  const held = await withHeldSta(t, {}, answer)
  const request = socksRequest((await heldTicket(held)).reveal(), 2598)
  const back = exchange(await held.access.dial(), concat(SOCKS_GREETING, request, bytesOf('all')))
  await arrives(t, held)
  t.same(await back, concat(Uint8Array.of(5, 0), REPLIED, bytesOf('you said all you wanted')))
  t.same(held.stub.heard, bytesOf('all'))
  const closed = await until(
    () => held.house.events('session-closed'),
    (lines) => lines.length === 2,
  )
  t.same(
    closed.map(({ reason }) => reason),
    ['client-closed', 'client-closed'],
  )
})

for (const redeemAt of ['gateway', 'proxy'] as const) {
  t.test(
    `a client that resets its connection while its ticket is redeemed at the ${redeemAt} leaves nothing`,
    async (t) => {
      const held = await withHeldSta(t, { redeemAt })
      const leg = await launching(held)
      leg.reset()
      const failed = await until(
        () => held.house.events('launch-failed'),
        (lines) => lines.length > 0,
      )
      t.match(failed, [{ daemon: 'gateway', code: 'DH_CLIENT_GONE' }])
      held.gate.release()
      await nothingIsLeft(held)
      if (redeemAt === 'gateway')
        t.equal(held.stub.sessions.length, 0, 'and no server was dialled for it')
    },
  )

  t.test(`so does one that ends it and listens no more, redeemed at the ${redeemAt}`, async (t) => {
    const held = await withHeldSta(t, { redeemAt })
    const leg = await launching(held)
    leg.destroy()
    // An end alone does not tell that nobody listens any more; the first byte that goes there does.
    held.gate.release()
    await nothingIsLeft(held)
    t.equal(held.stub.sessions.length, 1)
  })
}

/** A double hop whose STA is behind a gate, and whose app `stub` is a bare server. */
async function withHeldSta(
  t: Test,
  gateway: object,
  serve?: (session: StubSession) => void,
): Promise<Held> {
  const house = new House(t)
  const sta = await house.sta()
  const stub = await StubVda.listen(t, serve)
  const gate = await Gate.before(t, sta.at.listen as Endpoint)
  const stas = [{ id: 'STA01', urls: [`https://${gate.where}`] }]
  const proxy = await house.proxy(stas)
  const storefront = await house.storefront(
    [{ id: 'STA01', urls: [`https://${sta.where()}`] }],
    [{ name: 'stub', cgpAddress: stub.where }],
  )
  const running = await house.gateway(stas, [{ name: 'proxy', address: proxy.where() }], {
    storefronts: [{ address: storefront.where() }],
    ...gateway,
  })
  return { house, stub, gate, proxy, gateway: running, access: house.access(running) }
}

/** A ticket, and from now on nobody can redeem it. */
async function heldTicket({ house, access, gate }: Held): Promise<Ticket> {
  const ticket = await house.ticket(access, 'stub')
  gate.hold()
  return ticket
}

/** Waits until the STA is asked, sees that no server was, and lets the answer come. @returns when */
async function arrives(t: Test, { gate, stub }: Held): Promise<number> {
  const before = stub.sessions.length
  await until(
    () => gate.waiting,
    (bytes) => bytes > 0,
  )
  t.equal(stub.sessions.length, before, 'no server is dialled yet')
  const released = performance.now()
  gate.release()
  return released
}

/** The server was dialled after the ticket was redeemed, and got all that was said, in order. */
function isWhole(t: Test, stub: StubVda, said: Uint8Array, released: number): void {
  t.ok((stub.sessions.at(-1)?.since ?? 0) >= released)
  t.ok(stub.heard.equals(said))
}

/** A client whose ticket is being redeemed, and will be until the gate opens. */
async function launching(held: Held): Promise<Leg> {
  const leg = await held.access.dial()
  leg.listen({ bytes() {}, end() {}, drain() {}, close() {} })
  const request = socksRequest((await heldTicket(held)).reveal(), 2598)
  leg.write(concat(SOCKS_GREETING, request))
  await until(
    () => held.gate.waiting,
    (bytes) => bytes > 0,
  )
  return leg
}

async function nothingIsLeft({ gateway, proxy, stub }: Held): Promise<void> {
  for (const daemon of [gateway, proxy]) {
    await until(
      () => shownBy(daemon.at.admin),
      ({ sessions }) => sessions.length === 0,
    )
  }
  await until(
    () => stub.sessions,
    (sessions) => sessions.every(({ closed }) => closed),
  )
}

/** What a figure comes to rest at: unchanged over ten looks in a row. */
async function settled(look: () => number): Promise<number> {
  let last = look()
  let same = 0
  return await until(look, (seen) => {
    same = seen === last ? same + 1 : 0
    last = seen
    return same >= 10
  })
}
