import { networkInterfaces } from 'node:os'
import type { Endpoint } from '@doublehop/wire/endpoint'
import t, { type Test } from 'tap'
import { allowlistProxy, webServer } from './kit/allowlist-proxy.ts'
import { run } from './kit/foreign.ts'
import { freePort } from './kit/free-port.ts'
import { House, type Running } from './kit/house.ts'
import { missing } from './kit/tools.ts'

const IPV6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
)
const withoutIpv6 = IPV6 ? false : 'this host has no IPv6 loopback'

t.test('curl as first hop of a proxy with an allowlist', { skip: missing('curl') }, async (t) => {
  const house = new House(t)
  const web = await webServer(t, '127.0.0.1')
  const closed = await freePort()
  const proxy = await allowlistProxy(house, [web.port, closed])

  t.test('reaches a web server by its address', async (t) => {
    t.match(await curl(t, proxy, ['--socks5'], `http://127.0.0.1:${web.port}/`), {
      code: 0,
      said: 'found at 127.0.0.1\n',
    })
  })

  t.test(
    'reaches it by a name that curl looks up, and by one that it leaves to the proxy',
    async (t) => {
      for (const way of ['--socks5', '--socks5-hostname']) {
        t.match(
          await curl(t, proxy, ['--ipv4', way], `http://localhost:${web.port}/`),
          { code: 0, said: 'found at 127.0.0.1\n' },
          way,
        )
      }
    },
  )

  t.test('reaches a web server on IPv6', { skip: withoutIpv6 }, async (t) => {
    const web6 = await webServer(t, '::1')
    const proxy6 = await allowlistProxy(house, [web6.port])
    for (const way of ['--socks5', '--socks5-hostname']) {
      t.match(
        await curl(t, proxy6, [way], `http://[::1]:${web6.port}/`),
        { code: 0, said: 'found at ::1\n' },
        way,
      )
    }
  })

  t.test('is told 02 for a port and for a network that are not listed', async (t) => {
    const elsewhere = await webServer(t, '127.0.0.1')
    t.match(await curl(t, proxy, ['--socks5'], `http://127.0.0.1:${elsewhere.port}/`), {
      code: 97,
      reply: '2',
    })
    t.match(await curl(t, proxy, ['--socks5'], `http://192.0.2.1:${web.port}/`), {
      code: 97,
      reply: '2',
    })
  })

  t.test('is told 02 for the proxy itself', async (t) => {
    const port = await freePort()
    const own = await allowlistProxy(house, [port], { listen: `127.0.0.1:${port}` })
    t.match(await curl(t, own, ['--socks5'], `http://127.0.0.1:${port}/`), { code: 97, reply: '2' })
  })

  t.test('is told 05 where nothing listens', async (t) => {
    t.match(await curl(t, proxy, ['--socks5'], `http://127.0.0.1:${closed}/`), {
      code: 97,
      reply: '5',
    })
  })

  t.test('is told 04 for a name that does not resolve', async (t) => {
    t.match(await curl(t, proxy, ['--socks5-hostname'], `http://nobody.invalid:${web.port}/`), {
      code: 97,
      reply: '4',
    })
  })

  t.test('logs in where the proxy wants it, and not with another password', async (t) => {
    const users = [{ username: 'first-hop', password: 'file:certs/workspace/token' }]
    const withLogin = await allowlistProxy(house, [web.port], { users })
    const url = `http://127.0.0.1:${web.port}/`
    const as = (login: string) => ['--proxy-user', login, '--socks5']
    t.match(await curl(t, withLogin, as(`first-hop:${house.read('workspace/token')}`), url), {
      code: 0,
      said: 'found at 127.0.0.1\n',
    })
    t.match(await curl(t, withLogin, as('first-hop:another'), url), {
      code: 97,
      complaint: /rejected by the SOCKS5 server/,
    })
    t.match(await curl(t, withLogin, ['--socks5'], url), {
      code: 97,
      complaint: /No authentication method was acceptable/,
    })
    const refused = house.events('hop-refused').map(({ code }) => code)
    t.same(refused, ['DH_SOCKS_LOGIN', 'DH_SOCKS_METHOD'])
  })
})

t.test('ncat as first hop of a proxy with an allowlist', { skip: missing('ncat') }, async (t) => {
  const house = new House(t)
  const echo = (await house.vda()).at['echo.cgp'] as Endpoint
  const proxy = await allowlistProxy(house, [echo.port])

  t.test('carries bytes to an address and back, and the end of both halves', async (t) => {
    const { code, stdout } = await ncat(t, proxy, ['127.0.0.1', `${echo.port}`], 'there and back')
    t.same({ code, said: String(stdout) }, { code: 0, said: 'there and back' })
  })

  for (const where of ['local', 'remote']) {
    t.test(`carries bytes to a name with a lookup that is ${where}`, async (t) => {
      const { code, stdout } = await ncat(
        t,
        proxy,
        ['-4', '--proxy-dns', where, 'localhost', `${echo.port}`],
        'by name',
      )
      t.same({ code, said: String(stdout) }, { code: 0, said: 'by name' })
    })
  }

  t.test('is turned away from a port that is not listed', async (t) => {
    const { code, stderr } = await ncat(t, proxy, ['127.0.0.1', `${await freePort()}`], 'to nobody')
    t.not(code, 0)
    t.match(stderr, /connection not allowed by ruleset/)
  })

  t.test('logs in', async (t) => {
    const users = [{ username: 'first-hop', password: 'file:certs/workspace/token' }]
    const withLogin = await allowlistProxy(house, [echo.port], { users })
    const login = ['--proxy-auth', `first-hop:${house.read('workspace/token')}`]
    const { code, stdout } = await ncat(
      t,
      withLogin,
      [...login, '127.0.0.1', `${echo.port}`],
      'with a login',
    )
    t.same({ code, said: String(stdout) }, { code: 0, said: 'with a login' })
  })
})

interface Fetched {
  readonly code: number | null
  readonly said: string
  /** what curl says went wrong */
  readonly complaint: string
  /** the SOCKS reply that curl was told */
  readonly reply: string | undefined
}

/** Fetches a page through the proxy. @param way curl's option for the proxy, behind others that belong to it */
async function curl(
  t: Test,
  proxy: Running,
  way: readonly string[],
  url: string,
): Promise<Fetched> {
  const { code, stdout, stderr } = await run(t, 'curl', [
    '--silent',
    '--show-error',
    '--max-time',
    '15',
    ...way,
    proxy.where(),
    url,
  ])
  const [, reply] = /^curl: .*\((\d+)\)$/m.exec(stderr) ?? []
  return { code, said: String(stdout), complaint: stderr, reply }
}

function ncat(t: Test, proxy: Running, args: readonly string[], input: string) {
  return run(t, 'ncat', ['--proxy', proxy.where(), '--proxy-type', 'socks5', ...args], { input })
}
