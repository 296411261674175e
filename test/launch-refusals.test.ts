import { connect as connectTcp, createServer } from 'node:net'
import { concat } from '@doublehop/wire/conversation'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { COMMAND, encodeReply, REPLY, type Reply } from '@doublehop/wire/socks5-messages'
import { bytesOf } from '@doublehop/wire/text'
import { StaTicket, Ticket } from '@doublehop/wire/ticket'
import { launch } from '@doublehop/workspace/launch'
import t from 'tap'
import { oddCgpFlight, SOCKS_GREETING, socksRequest } from './kit/flights.ts'
import { House } from './kit/house.ts'
import { ending } from './kit/refusal.ts'
import { exchange, read } from './kit/session.ts'
import { StubVda } from './kit/stub-vda.ts'
import { until } from './kit/wait.ts'

/** The time after which a denial leaves: no sooner, whatever it is about. */
const DENIAL = 250
const UNKNOWN = new Ticket(40, new StaTicket('STA01', '0123456789ABCDEF'.repeat(2)))

const house = new House(t)
const stub = await StubVda.listen(t)
const { access, gateway } = await house.doubleHop({
  published: [{ name: 'nowhere', cgpAddress: `127.0.0.1:${await freePort()}` }],
})

const denied: Record<string, [request: Uint8Array, code: string]> = {
  'an IPv4 address': [socksRequest('127.0.0.1', stub.at.port), 'DH_ADDRESS_NOT_TICKET'],
  'an IPv6 address': [socksRequest('::1', stub.at.port), 'DH_ADDRESS_NOT_TICKET'],
  'a name': [socksRequest('localhost', stub.at.port), 'DH_ADDRESS_NOT_TICKET'],
  'a ticket with port 80': [socksRequest(UNKNOWN.reveal(), 80), 'DH_LAUNCH_PORT'],
  'a ticket that is too short': [socksRequest(';40;STA01;0123', 2598), 'DH_TICKET_FORM'],
  'a ticket of version 99': [
    socksRequest(UNKNOWN.reveal().replace('40', '99'), 2598),
    'DH_TICKET_FORM',
  ],
  'an unknown ticket': [socksRequest(UNKNOWN.reveal(), 2598), 'DH_TICKET_UNKNOWN'],
  'a ticket of an STA nobody lists': [
    socksRequest(UNKNOWN.reveal().replace('STA01', 'STA99'), 2598),
    'DH_STA_ID_UNKNOWN',
  ],
}

for (const [what, [request, code]] of Object.entries(denied)) {
  t.test(`${what} is denied, and not before 250 ms`, async (t) => {
    const before = house.log.length
    const { heard, milliseconds } = await ending(await greeted(), request)
    t.same(heard, replied(REPLY.denied))
    t.ok(milliseconds >= DENIAL, `${milliseconds} ms`)
    t.match(
      house.log.slice(before).filter(({ event }) => event === 'launch-failed'),
      [{ daemon: 'gateway', code }],
    )
  })
}

t.test('none of these reached a server', async (t) => {
  t.same(
    house.events('step').filter(({ name }) => name === 'connect' || name === 'dial'),
    [],
  )
  t.equal(stub.sessions.length, 0)
})

t.test('a used ticket is denied like an unknown one', async (t) => {
  const ticket = await house.ticket(access)
  const { leg } = await launch(access, { ticket, port: 2598, protocol: 'socks' })
  t.same(await exchange(leg, bytesOf('first')), bytesOf('first'))
  const { heard, milliseconds } = await ending(await greeted(), socksRequest(ticket.reveal(), 2598))
  t.same(heard, replied(REPLY.denied))
  t.ok(milliseconds >= DENIAL, `${milliseconds} ms`)
  t.match(house.events('launch-failed').at(-1), { code: 'DH_TICKET_USED' })
})

t.test('a ticket that was asked for port 80 is not spent by that', async (t) => {
  const ticket = await house.ticket(access)
  t.same(
    (await ending(await greeted(), socksRequest(ticket.reveal(), 80))).heard,
    replied(REPLY.denied),
  )
  const { leg } = await launch(access, { ticket, port: 2598, protocol: 'socks' })
  t.same(await exchange(leg, bytesOf('still good')), bytesOf('still good'))
})

t.test('an app without the address that the port asks for is denied', async (t) => {
  const ticket = await house.ticket(access, 'nowhere')
  t.same(
    (await ending(await greeted(), socksRequest(ticket.reveal(), 1494))).heard,
    replied(REPLY.denied),
  )
  t.match(house.events('launch-failed').at(-1), { daemon: 'gateway', code: 'DH_TICKET_NO_ADDRESS' })
})

t.test('an app whose server is down is unreachable', async (t) => {
  const ticket = await house.ticket(access, 'nowhere')
  t.same(
    (await ending(await greeted(), socksRequest(ticket.reveal(), 2598))).heard,
    replied(REPLY.hostUnreachable),
  )
  t.match(house.events('launch-failed').slice(-2), [
    { daemon: 'proxy', code: 'DH_DIAL_REFUSED', step: 6 },
    { daemon: 'gateway', code: 'DH_SOCKS_UNREACHABLE', step: 7 },
  ])
})

const answeredAtOnce: Record<string, [request: Uint8Array, reply: Reply, code: string]> = {
  BIND: [socksRequest(UNKNOWN.reveal(), 2598, COMMAND.bind), REPLY.command, 'DH_SOCKS_COMMAND'],
  'UDP ASSOCIATE': [
    socksRequest('127.0.0.1', 53, COMMAND.udpAssociate),
    REPLY.command,
    'DH_SOCKS_COMMAND',
  ],
  'an unknown type of address': [
    Uint8Array.of(5, 1, 0, 2, 0, 0),
    REPLY.addressType,
    'DH_SOCKS_ADDRESS_TYPE',
  ],
  'a name that is not printable': [
    Uint8Array.of(5, 1, 0, 3, 1, 7, 0, 80),
    REPLY.failed,
    'DH_SOCKS_FORM',
  ],
}

for (const [what, [request, reply, code]] of Object.entries(answeredAtOnce)) {
  t.test(`${what} is answered with ${reply}, once`, async (t) => {
    t.same((await ending(await greeted(), request)).heard, replied(reply))
    t.match(house.events('launch-failed').at(-1), { daemon: 'gateway', code })
  })
}

t.test(
  'a SOCKS client that only offers a password is told that nothing of it is taken',
  async (t) => {
    const { heard } = await ending(await access.dial(), Uint8Array.of(5, 1, 2))
    t.same(heard, Buffer.of(5, 0xff))
    t.match(house.events('launch-failed').at(-1), { code: 'DH_SOCKS_METHOD' })
  },
)

const silent: Record<string, [said: Uint8Array, code: string]> = {
  SOCKS4: [Uint8Array.of(4, 1, 0, 80, 127, 0, 0, 1, 0), 'DH_FIRST_BYTES'],
  'a first byte of no protocol': [Uint8Array.of(0), 'DH_FIRST_BYTES'],
  'another signature than CGP/01': [bytesOf('\x1aCGP/02\0'), 'DH_CGP_SIGNATURE'],
  'a CGP flight without a ticket in 4 KiB': [
    bytesOf(`\x1aCGP/01${'-'.repeat(5000)}`),
    'DH_CGP_NO_TICKET',
  ],
  'a CGP flight with an unknown ticket': [oddCgpFlight(UNKNOWN), 'DH_TICKET_UNKNOWN'],
}

for (const [what, [said, code]] of Object.entries(silent)) {
  t.test(`${what} is met with silence and the end`, async (t) => {
    const { heard, milliseconds } = await ending(await access.dial(), said)
    t.same(heard, Buffer.alloc(0))
    const failures = await until(
      () => house.log.filter((line) => line.code === code),
      (lines) => lines.length > 0,
    )
    t.equal(failures.at(-1)?.daemon, 'gateway')
    const isAboutTicket = code === 'DH_CGP_NO_TICKET' || code === 'DH_TICKET_UNKNOWN'
    t.equal(milliseconds >= DENIAL, isAboutTicket, `${milliseconds} ms`)
  })
}

t.test('who speaks plain text to the TLS port is not heard', async (t) => {
  const { promise, resolve } = Promise.withResolvers<number>()
  let heard = 0
  const client = connectTcp(gateway.at.listen as Endpoint, () =>
    client.write('GET / HTTP/1.1\r\n\r\n'),
  )
  client
    .on('data', (bytes) => {
      heard += bytes.length
    })
    .on('error', () => {})
    .on('close', () => resolve(heard))
  t.ok((await promise) < 16, 'at most a TLS alert')
  await until(
    () => house.events('handshake-failed'),
    (lines) => lines.some(({ code }) => code === 'DH_TLS_HANDSHAKE'),
  )
})

t.test('what goes wrong between gateway and STA is a failure, and tells nothing', async (t) => {
  const other = new House(t)
  const { access, ticket } = await other.doubleHop({
    sta: { redeemers: { names: ['somebody-else'] } },
  })
  const request = socksRequest((await ticket()).reveal(), 2598)
  const { heard } = await ending(await access.dial(), concat(SOCKS_GREETING, request))
  t.same(heard, Buffer.concat([Buffer.of(5, 0), replied(REPLY.failed)]))
  t.match(other.events('launch-failed'), [{ code: 'DH_STA_ANSWER' }])
  t.match(other.events('relay-refused'), [{ daemon: 'proxy', code: 'DH_STA_FORBIDDEN' }])
})

t.test('an STA that is down is unreachable', async (t) => {
  const other = new House(t)
  const { access, ticket, sta } = await other.doubleHop()
  const request = socksRequest((await ticket()).reveal(), 2598)
  await sta.close()
  const { heard } = await ending(await access.dial(), concat(SOCKS_GREETING, request))
  t.same(heard, Buffer.concat([Buffer.of(5, 0), replied(REPLY.hostUnreachable)]))
  t.match(other.events('launch-failed'), [{ daemon: 'gateway', code: 'DH_STA_UNREACHABLE' }])
})

t.test(
  'a next hop that does not take our login is a failure, and the client is told so',
  async (t) => {
    const other = new House(t)
    const { sta, storefront, ...rest } = await other.doubleHop()
    const server = createServer((socket) => {
      socket.on('data', (said) =>
        socket.write(said[0] === 5 ? Uint8Array.of(5, 2) : Uint8Array.of(1, 1)),
      )
      socket.on('error', () => {})
    })
    t.teardown(() => server.close())
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const credentials = { username: 'gateway', password: 'file:certs/workspace/token' }
    const hop = {
      name: 'foreign',
      address: `127.0.0.1:${port}`,
      kind: 'socks5',
      secure: 'off',
      credentials,
    }
    const gateway = await other.gateway([{ id: 'STA01', urls: [`https://${sta.where()}`] }], [hop])
    const request = socksRequest((await rest.ticket()).reveal(), 2598)
    const { heard } = await ending(
      await other.access(gateway).dial(),
      concat(SOCKS_GREETING, request),
    )
    t.same(heard, Buffer.concat([Buffer.of(5, 0), replied(REPLY.failed)]))
    t.match(other.events('launch-failed'), [{ code: 'DH_SOCKS_LOGIN', step: 2 }])
  },
)

/** A SOCKS client at the point where it sends its request. */
async function greeted() {
  const leg = await access.dial()
  leg.write(SOCKS_GREETING)
  t.same(await read(leg, 2), Buffer.of(5, 0))
  return leg
}

function replied(reply: Reply): Buffer {
  return Buffer.from(encodeReply(reply))
}

/** A port where nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
