import { type IncomingMessage, request } from 'node:http'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { bytesOf } from '@doublehop/wire/text'
import { StaTicket, Ticket } from '@doublehop/wire/ticket'
import { launch } from '@doublehop/workspace/launch'
import t from 'tap'
import { askAdmin, shownBy } from './kit/ask-admin.ts'
import { freePort } from './kit/free-port.ts'
import { House, type Running } from './kit/house.ts'
import { exchange, read } from './kit/session.ts'
import { until } from './kit/wait.ts'

const house = new House(t)
const double = await house.doubleHop()
const { access, ticket, gateway, proxy, vda } = double
const daemons = Object.entries({
  gateway,
  proxy,
  vda,
  sta: double.sta,
  storefront: double.storefront,
})

/** A line of the text format of Prometheus: a comment, or a sample. */
const METRIC_LINE =
  /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? [-+0-9.eInfNa]+)$/

for (const [name, daemon] of daemons) {
  const { at } = daemon
  t.test(`the ${name} is healthy and ready`, async (t) => {
    const healthy = await askAdmin(at.admin, '/healthz')
    t.same([healthy.status, await healthy.json()], [200, { healthy: true }])
    t.match(healthy.headers.get('content-type'), 'application/json')
    t.equal(healthy.headers.get('cache-control'), 'no-store')
    const ready = await askAdmin(at.admin, '/readyz')
    t.equal(ready.status, 200)
    t.match(await ready.json(), { ready: true, draining: false })
  })

  t.test(`the ${name} answers nothing else, and only GET`, async (t) => {
    for (const path of ['/', '/metrics/', '/sessions?all', '/../etc/passwd', '/debug']) {
      t.equal((await askAdmin(at.admin, path)).status, 404, path)
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD']) {
      t.equal((await asked(at.admin, { method })).status, 405, method)
    }
  })

  t.test(`the ${name} answers only who asks for this host`, async (t) => {
    const port = at.admin?.port
    for (const host of [
      'localhost',
      `localhost:${port}`,
      `127.0.0.1:${port}`,
      '[::1]',
      `[::1]:${port}`,
    ]) {
      t.equal((await asked(at.admin, { host })).status, 200, host)
    }
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '10.0.0.5',
    ]) {
      const { status, body } = await asked(at.admin, { host, path: '/sessions' })
      t.equal(status, 421, host)
      t.notMatch(body, 'sessions')
    }
  })

  t.test(`the metrics of the ${name} are what Prometheus reads`, async (t) => {
    const response = await askAdmin(at.admin, '/metrics')
    t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
    const text = await response.text()
    t.same(
      text.split('\n').filter((line) => line !== '' && !METRIC_LINE.test(line)),
      [],
    )
    const names = [...(await samplesOf(daemon)).keys()]
    t.ok(names.includes('doublehop_sessions'))
    t.same(
      names.filter((key) => !key.startsWith('doublehop_')),
      [],
    )
  })
}

t.test('/sessions shows a live session at both hops, with the peer of each', async (t) => {
  const { leg } = await launch(access, { ticket: await ticket(), port: 2598, protocol: 'socks' })
  leg.write(bytesOf('hello'))
  await read(leg, 5)
  const outer = await shownBy(gateway.at.admin)
  const inner = await shownBy(proxy.at.admin)
  const [at1] = outer.sessions
  const client = `${leg.local.host}:${leg.local.port}`
  t.match(outer.sessions, [
    {
      id: /^[0-9a-f]{32}$/,
      peer: client,
      server: proxy.where(),
      step: '9 splice',
      bytesUp: 5,
      bytesDown: 5,
    },
  ])
  t.match(inner.sessions, [
    { id: at1?.id, peerName: 'gateway', server: vda.where('echo.cgp'), bytesUp: 5, bytesDown: 5 },
  ])
  t.ok(Date.now() - Date.parse(at1?.since ?? '') < 60_000)

  const used = outer.hopConnections.filter(({ what }) => what === 'in use')
  t.ok(used.every(({ hop, peer }) => hop === 'proxy' && peer === proxy.where()))
  t.ok(inner.hopConnections.every(({ peer }) => peer.startsWith('127.0.0.1:')))
  t.match((await shownBy(vda.at.admin)).sessions, [{ app: 'echo', bytesUp: 5, bytesDown: 5 }])

  await exchange(leg, bytesOf('bye'))
  for (const { at } of [gateway, proxy, vda])
    await until(
      () => shownBy(at.admin),
      ({ sessions }) => sessions.length === 0,
    )
})

t.test('a launch moves the counters of an engineer who looks for it', async (t) => {
  const moved = await difference(gateway, async () => {
    const { leg } = await launch(access, { ticket: await ticket(), port: 2598, protocol: 'socks' })
    await exchange(leg, bytesOf('hello'))
    await until(
      () => shownBy(gateway.at.admin),
      ({ sessions }) => sessions.length === 0,
    )
  })
  t.match(moved, {
    doublehop_sta_requests_sent_total: 1,
    doublehop_sta_responses_received_total: 1,
    'doublehop_sessions_closed_total{reason="client-closed"}': 1,
    'doublehop_session_bytes_total{direction="up"}': 5,
    'doublehop_session_bytes_total{direction="down"}': 5,
  })
  for (const step of [
    'ticket',
    'sta-connect',
    'resolve',
    'connect',
    'answer',
    'accept',
    'splice',
  ]) {
    t.equal(moved[`doublehop_step_seconds_count{step="${step}"}`], 1, step)
  }
  // A connection opened ahead of the next launch is greeted when that comes.
  for (const counter of [
    'method_requests',
    'method_responses',
    'connect_requests',
    'connect_responses',
  ]) {
    t.ok((moved[`doublehop_socks_${counter}_total`] ?? 0) >= 1, counter)
  }
  t.equal(moved.doublehop_sessions, undefined, 'as many sessions as before')
})

t.test('what fails is counted by its code, and by whose fault it is', async (t) => {
  const unknown = (sta: string) => new Ticket(40, new StaTicket(sta, '0123456789ABCDEF'.repeat(2)))
  const refused = async (sta: string, port = 2598): Promise<void> => {
    await t.rejects(launch(access, { ticket: unknown(sta), port, protocol: 'socks' }), {
      code: 'DH_SOCKS_DENIED',
    })
  }
  const moved = await difference(gateway, async () => {
    await refused('STA01')
    await refused('STA99')
    const leg = await access.dial()
    leg.write(Uint8Array.of(5, 1, 9))
    await read(leg, 2)
    leg.destroy()
  })
  t.match(moved, {
    'doublehop_failures_total{code="DH_TICKET_UNKNOWN"}': 1,
    'doublehop_failures_total{code="DH_STA_ID_UNKNOWN"}': 1,
    'doublehop_failures_total{code="DH_SOCKS_METHOD"}': 1,
    'doublehop_sta_lookup_failures_total{ticket="primary"}': 1,
    doublehop_socks_client_errors_total: 1,
    'doublehop_sessions_closed_total{reason="error:DH_TICKET_UNKNOWN"}': 1,
  })
})

t.test('HTTP that is carried to the storefront is counted at both', async (t) => {
  const ask = async (): Promise<void> => {
    const before = house.events('http-closed').length
    await ticket()
    await until(
      () => house.events('http-closed').length,
      (count) => count > before,
    )
  }
  t.match(await difference(gateway, ask), {
    'doublehop_http_connections_total{reason="client-closed"}': 1,
  })
  t.match(await difference(double.storefront, ask), {
    'doublehop_http_requests_total{route="POST /tickets",status="201"}': 1,
  })
})

t.test('a next hop that is not there shows in the counters of STA connections', async (t) => {
  const nobody = `127.0.0.1:${await freePort()}`
  const alone = await house.gateway(
    [{ urls: [`https://${nobody}`] }],
    [{ name: 'nobody', address: nobody }],
  )
  const samples = await until(
    () => samplesOf(alone),
    (seen) => seen.has('doublehop_sta_connections_total{result="failure"}'),
  )
  t.notOk(samples.has('doublehop_sta_connections_total{result="success"}'))
  t.match(
    (await samplesOf(gateway)).get('doublehop_sta_connections_total{result="success"}'),
    Number,
  )
})

const SCRAPED = {
  metrics: { listen: '127.0.0.1:0' },
  apps: [{ name: 'echo', kind: 'echo', listenCgp: '127.0.0.1:0' }],
}

t.test(
  'metrics.listen serves /metrics to the networks of zones.management, and nothing else',
  async (t) => {
    const { at } = await house.start('vda', SCRAPED, 'vda', {
      management: ['192.0.2.0/24', '127.0.0.0/8'],
    })
    const answer = await askAdmin(at.metrics, '/metrics')
    t.equal(answer.status, 200)
    t.match(await answer.text(), /^doublehop_sessions 0$/m)
    for (const path of ['/sessions', '/healthz', '/readyz', '/']) {
      t.equal((await askAdmin(at.metrics, path)).status, 404, path)
    }
    t.equal((await asked(at.metrics, { method: 'POST', path: '/metrics' })).status, 405)
    t.equal(
      (await asked(at.metrics, { host: 'gateway.example', path: '/metrics' })).status,
      200,
      'by whatever name',
    )
  },
)

t.test('metrics.listen has no word for anybody else', async (t) => {
  const { at } = await house.start('vda', SCRAPED, 'vda', {
    management: ['192.0.2.0/24', '2001:db8::/32'],
  })
  for (const path of ['/metrics', '/']) {
    await t.rejects(asked(at.metrics, { path }), { code: 'ECONNRESET' })
  }
})

/** What a daemon counts, by name and labels. */
async function samplesOf({ at }: Running): Promise<Map<string, number>> {
  const text = await (await askAdmin(at.admin, '/metrics')).text()
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => [
      line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  )
}

/** What has changed, and by how much. */
async function difference(
  daemon: Running,
  act: () => Promise<void>,
): Promise<Record<string, number>> {
  const before = await samplesOf(daemon)
  await act()
  const moved = [...(await samplesOf(daemon))].map(
    ([key, value]) => [key, value - (before.get(key) ?? 0)] as const,
  )
  return Object.fromEntries(moved.filter(([, by]) => by !== 0))
}

/** One request as a stranger may write it. @throws Error of the connection */
async function asked(
  at: Endpoint | undefined,
  { method = 'GET', path = '/healthz', host }: { method?: string; path?: string; host?: string },
): Promise<{ status: number | undefined; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const options = { host: at?.host ?? '', port: at?.port ?? 0, method, path, agent: false }
  request({ ...options, headers: host === undefined ? {} : { host } })
    .on('response', resolve)
    .on('error', reject)
    .end()
  const response = await promise
  return {
    status: response.statusCode,
    body: Buffer.concat(await response.toArray()).toString(),
  }
}
