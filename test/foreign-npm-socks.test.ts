import { buffer } from 'node:stream/consumers'
import { converse } from '@doublehop/daemon/conversation'
import { dial } from '@doublehop/daemon/dial'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { requestSocks } from '@doublehop/wire/socks5-client'
import type { Credentials } from '@doublehop/wire/socks5-server'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { allowlistProxy } from './kit/allowlist-proxy.ts'
import { freePort } from './kit/free-port.ts'
import { House, publish } from './kit/house.ts'
import { askFor, CLIENTS, SOCKSV5, startSocksServer } from './kit/npm-socks.ts'
import { read } from './kit/session.ts'

const LOGIN: Credentials = { username: 'first-hop', password: 'a password of the test' }

t.test('clients of npm at a proxy with an allowlist', async (t) => {
  const house = new House(t)
  const echo = (await house.vda()).at['echo.cgp'] as Endpoint
  const closed = { host: '127.0.0.1', port: await freePort() }
  const unlisted = { host: '127.0.0.1', port: await freePort() }
  const ports = [echo.port, closed.port]
  const proxy = (await allowlistProxy(house, ports)).at.listen as Endpoint
  const login = { users: [{ username: LOGIN.username, password: 'env:PASSWORD_OF_FIRST_HOP' }] }
  t.intercept(process, 'env', { value: { ...process.env, PASSWORD_OF_FIRST_HOP: LOGIN.password } })
  const withLogin = (await allowlistProxy(house, ports, login)).at.listen as Endpoint

  for (const [name, connect] of Object.entries(CLIENTS)) {
    t.test(`${name} carries bytes to an address and back`, async (t) => {
      const socket = await connect(proxy, echo)
      socket.end('there and back')
      t.equal(String(await buffer(socket)), 'there and back')
    })

    t.test(`${name} leaves a name to the proxy`, async (t) => {
      const socket = await connect(proxy, { ...echo, host: 'localhost' })
      socket.end('by name')
      t.equal(String(await buffer(socket)), 'by name')
    })

    t.test(`${name} logs in`, async (t) => {
      const socket = await connect(withLogin, echo, LOGIN)
      socket.end('with a login')
      t.equal(String(await buffer(socket)), 'with a login')
      await t.rejects(connect(withLogin, echo), 'and not without')
    })

    t.test(`${name} is told why not`, async (t) => {
      await t.rejects(connect(proxy, unlisted), /NotAllowed|ruleset/)
      await t.rejects(connect(proxy, closed), /ConnectionRefused|refused/i)
    })
  }

  for (const command of ['bind', 'associate'] as const) {
    t.test(`socks is told that ${command} is not spoken`, async (t) => {
      await t.rejects(askFor(command, proxy, echo), /CommandNotSupported/)
    })
  }
})

for (const [name, kit] of Object.entries(SOCKSV5)) {
  t.test(`our client at the server of ${name}`, async (t) => {
    const house = new House(t)
    const echo = (await house.vda()).at['echo.cgp'] as Endpoint

    t.test('gets through', async (t) => {
      t.equal(await echoThrough(t, await startSocksServer(t, kit), echo), 'there and back')
    })

    t.test('gets through with a login', async (t) => {
      t.equal(
        await echoThrough(t, await startSocksServer(t, kit, { login: LOGIN }), echo, LOGIN),
        'there and back',
      )
    })

    t.test('understands a denial of two bytes', async (t) => {
      const server = await startSocksServer(t, kit, { denies: true })
      await t.rejects(echoThrough(t, server, echo), { code: 'DH_SOCKS_DENIED' })
    })

    t.test('understands in two bytes that nothing listens there', async (t) => {
      const closed = { host: '127.0.0.1', port: await freePort() }
      await t.rejects(echoThrough(t, await startSocksServer(t, kit), closed), {
        code: 'DH_SOCKS_UNREACHABLE',
        details: { reply: 5 },
      })
    })

    t.test('is told that a login is wanted', async (t) => {
      const server = await startSocksServer(t, kit, { login: LOGIN })
      await t.rejects(echoThrough(t, server, echo), { code: 'DH_SOCKS_METHOD' })
    })
  })

  for (const login of [undefined, LOGIN]) {
    t.test(
      `a gateway launches through ${name} ${login ? 'with' : 'without'} a login`,
      async (t) => {
        const { access, house, ticket } = await houseBehind(
          t,
          await startSocksServer(t, kit, { login }),
          login,
        )
        const { leg } = await launch(access, {
          ticket: await ticket(),
          port: 2598,
          protocol: 'socks',
        })
        leg.write(Buffer.from('there and back'))
        t.equal(String(await read(leg, 14)), 'there and back')
        leg.end()
        t.match(house.steps()[5], { route: 'foreign → vda', detail: 'not observed' })
      },
    )
  }
}

t.test('our client is told by @mongodb-js/socksv5 that its password is wrong', async (t) => {
  const house = new House(t)
  const echo = (await house.vda()).at['echo.cgp'] as Endpoint
  const server = await startSocksServer(
    t,
    SOCKSV5['@mongodb-js/socksv5'] as (typeof SOCKSV5)[string],
    { login: LOGIN },
  )
  await t.rejects(echoThrough(t, server, echo, { ...LOGIN, password: 'another' }), {
    code: 'DH_SOCKS_LOGIN',
  })
})

/** Says something to an echo through a SOCKS server, and gives what came back. */
async function echoThrough(
  t: Test,
  server: Endpoint,
  destination: Endpoint,
  login?: Credentials,
): Promise<string> {
  const leg = await dial(server, { milliseconds: 5000 })
  t.teardown(() => leg.destroy())
  await converse(leg, requestSocks(destination, login), {
    what: 'the SOCKS request',
    milliseconds: 5000,
  })
  leg.write(Buffer.from('there and back'))
  return String(await read(leg, 14))
}

/** A gateway whose second hop is this SOCKS server, and all that it leads to. */
async function houseBehind(t: Test, { host, port }: Endpoint, login: Credentials | undefined) {
  const house = new House(t)
  const sta = await house.sta({ redeemers: { names: ['gateway'] } })
  const vda = await house.vda()
  const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
  const storefront = await house.storefront(stas, publish(vda))
  t.intercept(process, 'env', { value: { ...process.env, PASSWORD_AT_HOP: LOGIN.password } })
  const credentials = login && { username: login.username, password: 'env:PASSWORD_AT_HOP' }
  const hop = {
    name: 'foreign',
    kind: 'socks5',
    secure: 'off',
    address: `${host}:${port}`,
    ...(credentials && { credentials }),
  }
  const gateway = await house.gateway(stas, [hop], {
    storefronts: [{ address: storefront.where() }],
  })
  const access = house.access(gateway)
  return { house, access, ticket: () => house.ticket(access) }
}
