import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { concat } from '@doublehop/wire/conversation'
import type { Ticket } from '@doublehop/wire/ticket'
import type { GatewayAccess } from '@doublehop/workspace/gateway-access'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { oddCgpFlight } from './kit/flights.ts'
import { House, publish, type Running } from './kit/house.ts'
import { exchange } from './kit/session.ts'
import { StubVda } from './kit/stub-vda.ts'
import { until } from './kit/wait.ts'

const V4 = '127.0.0.1'
const V6 = '::1'

interface Row {
  readonly version: 10 | 20 | 22 | 40 | 42
  readonly redeemAt: 'gateway' | 'proxy'
  readonly hop: 'mutual TLS' | 'plain TCP'
  /** the client's side of the gateway */
  readonly outside: typeof V4 | typeof V6
  /** everything else */
  readonly inside: typeof V4 | typeof V6
}

/** Every pair of values meets in some row, and every row is launched with all three flights. */
const ROWS: readonly Row[] = [
  { version: 10, redeemAt: 'gateway', hop: 'mutual TLS', outside: V4, inside: V4 },
  { version: 10, redeemAt: 'proxy', hop: 'plain TCP', outside: V6, inside: V6 },
  { version: 20, redeemAt: 'gateway', hop: 'plain TCP', outside: V6, inside: V6 },
  { version: 20, redeemAt: 'proxy', hop: 'mutual TLS', outside: V4, inside: V4 },
  { version: 22, redeemAt: 'gateway', hop: 'mutual TLS', outside: V6, inside: V6 },
  { version: 22, redeemAt: 'proxy', hop: 'plain TCP', outside: V4, inside: V4 },
  { version: 40, redeemAt: 'gateway', hop: 'plain TCP', outside: V4, inside: V4 },
  { version: 40, redeemAt: 'proxy', hop: 'mutual TLS', outside: V6, inside: V6 },
  { version: 40, redeemAt: 'gateway', hop: 'mutual TLS', outside: V6, inside: V4 },
  { version: 40, redeemAt: 'proxy', hop: 'mutual TLS', outside: V4, inside: V6 },
  { version: 42, redeemAt: 'gateway', hop: 'mutual TLS', outside: V4, inside: V4 },
  { version: 42, redeemAt: 'proxy', hop: 'plain TCP', outside: V6, inside: V6 },
]

/** The steps in the order of their lines, and who writes each. */
const WRITTEN = {
  gateway: [
    'gateway 1 ticket',
    'gateway 2 sta-connect',
    'proxy 3 redeem',
    'gateway 4 resolve',
    'gateway 5 connect',
    'proxy 6 dial',
    'gateway 7 answer',
    'gateway 8 accept',
    'gateway 9 splice',
  ],
  proxy: [
    'gateway 1 ticket',
    'gateway 5 connect',
    'proxy 2 sta-connect',
    'proxy 3 redeem',
    'proxy 4 resolve',
    'proxy 6 dial',
    'gateway 7 answer',
    'gateway 8 accept',
    'gateway 9 splice',
  ],
} as const

const noIpv6 = hasIpv6() ? false : 'this host has no ::1'

for (const row of ROWS) {
  const { version, redeemAt, hop, outside, inside } = row
  const where =
    outside === inside ? named(inside) : `${named(outside)} outside, ${named(inside)} inside`
  const name = `tickets of version ${version}, redeemed at the ${redeemAt}, over ${hop}, ${where}`
  t.test(name, { skip: (outside === V6 || inside === V6) && noIpv6 }, async (t) => {
    const house = await furnish(t, row)
    const bytes = randomBytes(300_000)

    t.test('a SOCKS client on port 2598 gets all its bytes back', async (t) => {
      const ticket = await house.ticket()
      t.equal(ticket.version, version)
      const { leg } = await launch(house.access, { ticket, port: 2598, protocol: 'socks' })
      t.ok((await exchange(leg, bytes)).equals(bytes))
      await sawNineSteps(t, house, row, ticket)
    })

    t.test('a SOCKS client on port 1494 is greeted, and gets all its bytes back', async (t) => {
      const ticket = await house.ticket()
      const { leg } = await launch(house.access, {
        ticket,
        port: 1494,
        protocol: 'socks',
        greet: true,
      })
      t.ok((await exchange(leg, bytes)).equals(bytes))
      await sawNineSteps(t, house, row, ticket)
    })

    t.test('a CGP flight reaches the server unchanged and in one write', async (t) => {
      const ticket = await house.ticket('stub')
      const flight = oddCgpFlight(ticket)
      const leg = await house.access.dial()
      const back = exchange(leg, concat(flight, bytes))
      t.ok((await back).equals(concat(flight, bytes)), 'and comes back with what followed it')
      const [first] = house.stub.sessions.at(-1)?.reads ?? []
      t.ok(first?.subarray(0, flight.length).equals(flight))
      t.ok(house.stub.heard.equals(concat(flight, bytes)))
      await sawNineSteps(t, house, row, ticket)
    })

    if (redeemAt === 'gateway') return
    t.test('no address of a server or an STA stands in the log of the gateway', async (t) => {
      const log = house.lines
        .filter(({ daemon }) => daemon === 'gateway')
        .map((line) => JSON.stringify(line))
      t.ok(log.length > 0)
      for (const address of house.addresses)
        t.same(
          log.filter((line) => line.includes(address)),
          [],
          address,
        )
    })
  })
}

interface Furnished {
  readonly access: GatewayAccess
  readonly stub: StubVda
  readonly lines: House['log']
  /** where the servers and STAs listen */
  readonly addresses: readonly string[]
  ticket(app?: string): Promise<Ticket>
  steps(session: string): ReturnType<House['steps']>
}

/** A double hop as the row wants it, with two STAs, the app `echo` and a bare server behind the app `stub`. */
async function furnish(t: Test, row: Row): Promise<Furnished> {
  const house = new House(t)
  const listen = row.inside === V6 ? '[::1]:0' : '127.0.0.1:0'
  const plain = row.hop === 'plain TCP'
  const first = await house.sta({ listen })
  const second = await house.sta({ authorityId: 'STA02', listen })
  const stas = [urlOf('STA01', first), urlOf('STA02', second)]
  const vda = await house.vda([
    { name: 'echo', kind: 'echo', listenCgp: listen, listenIca: listen },
  ])
  const stub = await StubVda.listen(t, undefined, row.inside)
  const apps = [...publish(vda), { name: 'stub', cgpAddress: stub.where }]
  const proxy = await house.proxy(stas, {
    listen,
    ...(plain && { secure: 'off', allow: { networks: ['127.0.0.0/8', '::1/128'] } }),
  })
  const storefront = await house.storefront(stas, apps, { listen, ticketVersion: row.version })
  const gateway = await house.gateway(
    stas,
    [{ name: 'proxy', address: proxy.where(), secure: plain ? 'off' : 'on' }],
    {
      listen: row.outside === V6 ? '[::1]:0' : '127.0.0.1:0',
      storefronts: [{ address: storefront.where() }],
      redeemAt: row.redeemAt,
    },
  )
  const access = house.access(gateway)
  return {
    access,
    stub,
    lines: house.log,
    addresses: [
      first.where(),
      second.where(),
      vda.where('echo.cgp'),
      vda.where('echo.ica'),
      stub.where,
    ],
    ticket: (app) => house.ticket(access, app),
    steps: (session) => house.steps(session),
  }
}

/** Nine lines in the name of one session, each from the daemon that did the step, in the order of the steps. */
async function sawNineSteps(t: Test, house: Furnished, row: Row, ticket: Ticket): Promise<void> {
  const first = house.lines.find(
    ({ event, detail }) => event === 'step' && String(detail).includes(` ${ticket} `),
  )
  const session = first?.session ?? ''
  t.match(session, /^[0-9a-f]{32}$/, 'the session has an id')
  await until(
    () => house.steps(session).length,
    (count) => count >= 9,
  )
  if (row.version === 42 && row.redeemAt === 'gateway') {
    const spent = () => house.lines.filter((line) => line.event === 'half-spent')
    await until(spent, (lines) => lines.some((line) => line.session === session))
  }

  const lines = house.lines.filter((line) => line.event === 'step' && line.session === session)
  const written = lines.map(({ daemon, step, name }) => `${daemon} ${step} ${name}`)
  t.same(
    written.filter((line, at) => written.indexOf(line) === at),
    WRITTEN[row.redeemAt],
  )
  t.equal(written.length, 9, 'no line stands there twice')
  const connected = String(lines.find(({ name }) => name === 'sta-connect')?.detail)
  t.equal(connected.includes(row.hop), row.redeemAt === 'gateway')
  const closed = await until(
    () => house.lines.filter((line) => line.event === 'session-closed' && line.session === session),
    (lines) => lines.length === 2,
  )
  t.same(closed.map(({ daemon }) => daemon).sort(), ['gateway', 'proxy'])
}

function urlOf(id: string, sta: Running): object {
  return { id, urls: [`https://${sta.where()}`] }
}

function named(host: string): string {
  return host === V6 ? 'IPv6' : 'IPv4'
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((list) =>
    list?.some(({ address }) => address === V6),
  )
}
