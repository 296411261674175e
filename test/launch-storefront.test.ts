import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { concat } from '@doublehop/wire/conversation'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeProxyHeader } from '@doublehop/wire/proxy-protocol'
import { bytesOf } from '@doublehop/wire/text'
import { parseTicket } from '@doublehop/wire/ticket'
import t from 'tap'
import { freePort } from './kit/free-port.ts'
import { House, publish } from './kit/house.ts'
import { until } from './kit/wait.ts'

const house = new House(t)
const { gateway, storefront, sta, vda } = await house.doubleHop()
const TOKEN = `Bearer ${house.read('workspace/token')}`
const JSON_TYPE = { 'content-type': 'application/json' }

t.test('GET /apps tells what is published, and no address', async (t) => {
  const answer = await ask('GET', '/apps', { authorization: TOKEN })
  t.match(answer, {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  })
  t.same(answer.body, { apps: [{ name: 'echo', ports: [2598, 1494] }] })
})

t.test(
  'POST /tickets gives a ticket, and the storefront knows which client it was for',
  async (t) => {
    const { status, body, from } = await askForTicket({ app: 'echo' })
    t.equal(status, 201)
    t.match(parseTicket(String(body.ticket)), { version: 40, primary: { sta: 'STA01' } })
    const left = Date.parse(String(body.expires)) - Date.now()
    t.ok(left > 80_000 && left <= 90_000, `good for ${left} ms`)
    t.match(
      house.events('ticket-issued').filter(({ daemon }) => daemon === 'storefront'),
      [{ app: 'echo', peer: from }],
    )
  },
)

t.test('one connection serves many requests', async (t) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const answers: Answer[] = []
  for (const _ of [1, 2, 3])
    answers.push(await ask('GET', '/apps', { authorization: TOKEN }, undefined, { agent }))
  agent.destroy()
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
  t.equal(new Set(answers.map(({ from }) => from)).size, 1)
  const about = await until(
    () => house.events('http-closed').find(({ peer }) => peer === answers[0]?.from),
    Boolean,
  )
  t.match(about, { daemon: 'gateway', reason: 'client-closed' })
})

for (const [what, authorization] of Object.entries({
  'no token': undefined,
  'a wrong token': 'Bearer nothing-of-ours',
  'the token under another scheme': TOKEN.replace('Bearer', 'Basic'),
  'the token and more': `${TOKEN}x`,
})) {
  t.test(`with ${what} nothing is told`, async (t) => {
    const headers = authorization === undefined ? {} : { authorization }
    for (const answer of [
      await ask('GET', '/apps', headers),
      await askForTicket({ app: 'echo' }, headers),
    ]) {
      t.match(answer, {
        status: 401,
        headers: { 'www-authenticate': 'Bearer' },
        body: { error: 'unauthorized' },
      })
      t.notOk('apps' in answer.body || 'ticket' in answer.body)
    }
  })
}

t.test('an app that is not published is not found', async (t) => {
  t.match(await askForTicket({ app: 'no-such-app' }), {
    status: 404,
    body: { error: 'app-unknown' },
  })
})

for (const [what, body] of Object.entries({
  'no JSON': '{"app":',
  'an app that is no text': '{"app":1}',
  'a key too many': '{"app":"echo","address":"10.0.0.5:22"}',
  'a list': '[]',
  'nothing at all': '',
  'a megabyte': JSON.stringify({ app: 'x'.repeat(1_000_000) }),
})) {
  t.test(`${what} is a bad request`, async (t) => {
    const answer = await ask('POST', '/tickets', { authorization: TOKEN, ...JSON_TYPE }, body)
    t.match(answer, { status: 400, body: { error: 'bad-request' } })
  })
}

t.test('what is not told to be JSON is not read as such', async (t) => {
  const headers = { authorization: TOKEN, 'content-type': 'text/plain' }
  t.match(await ask('POST', '/tickets', headers, '{"app":"echo"}'), { status: 400 })
})

for (const [method, path] of [
  ['GET', '/'],
  ['GET', '/tickets'],
  ['POST', '/apps'],
  ['DELETE', '/apps'],
  ['GET', '/apps?'],
  ['GET', '/metrics'],
] as const) {
  t.test(`${method} ${path} is not found, token or not`, async (t) => {
    t.match(await ask(method, path, {}), { status: 404, body: { error: 'not-found' } })
    t.match(await ask(method, path, { authorization: TOKEN }), {
      status: 404,
      body: { error: 'not-found' },
    })
  })
}

const GET_APPS = bytesOf(
  `GET /apps HTTP/1.1\r\nHost: storefront\r\nAuthorization: ${TOKEN}\r\nConnection: close\r\n\r\n`,
)
const HEADER = encodeProxyHeader(
  { host: '192.0.2.7', port: 50_000 },
  { host: '127.0.0.1', port: 443 },
)

t.test(
  'past the gateway: with its certificate and a PROXY header there is an answer',
  async (t) => {
    t.match(await straight(concat(HEADER, GET_APPS), shownBy('gateway')), /^HTTP\/1\.1 200 /)
  },
)

for (const [what, said, shown, refusal] of [
  [
    'the gateway’s certificate but no PROXY header',
    GET_APPS,
    'gateway',
    { event: 'gateway-refused', code: 'DH_PROXY_HEADER' },
  ],
  [
    'the proxy’s certificate',
    concat(HEADER, GET_APPS),
    'proxy',
    { event: 'gateway-refused', code: 'DH_PEER_NOT_LISTED', peerName: 'proxy' },
  ],
  [
    'no certificate',
    concat(HEADER, GET_APPS),
    undefined,
    { event: 'handshake-failed', code: 'DH_TLS_HANDSHAKE' },
  ],
] as const) {
  t.test(`past the gateway: with ${what} there is none`, async (t) => {
    const before = house.log.length
    t.equal(await straight(said, shown === undefined ? {} : shownBy(shown)), '')
    const lines = await until(
      () => house.log.slice(before).filter(({ daemon }) => daemon === 'storefront'),
      (seen) => seen.length > 0,
    )
    t.match(lines, [refusal])
  })
}

t.test('an STA that is down is a 503 that tells nothing of it', async (t) => {
  await sta.close()
  const { status, body } = await askForTicket({ app: 'echo' })
  t.equal(status, 503)
  t.same(body, {
    error: 'service-unavailable',
    message: 'no ticket can be issued at the moment: try again later',
  })
})

t.test(
  'the next storefront serves when the first is down, and none is an end without an answer',
  async (t) => {
    const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
    const second = await house.storefront(stas, publish(vda))
    const nobody = `127.0.0.1:${await freePort()}`
    const hops = [{ name: 'proxy', address: nobody }]
    const both = await house.gateway(stas, hops, {
      storefronts: [{ address: nobody }, { address: second.where() }],
    })
    t.match(await ask('GET', '/apps', { authorization: TOKEN }, undefined, {}, both.at.listen), {
      status: 200,
    })

    const none = await house.gateway(stas, hops, { storefronts: [{ address: nobody }] })
    await t.rejects(ask('GET', '/apps', { authorization: TOKEN }, undefined, {}, none.at.listen), {
      code: 'ECONNRESET',
    })
    t.match(house.events('client-refused').at(-1), {
      daemon: 'gateway',
      code: 'DH_STOREFRONT_UNREACHABLE',
    })
  },
)

interface Answer {
  readonly status: number | undefined
  readonly headers: object
  readonly body: Record<string, unknown>
  /** the client's end of the connection */
  readonly from: string
}

/** One request through a gateway. */
async function ask(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
  more: RequestOptions = {},
  at: Endpoint | undefined = gateway.at.listen,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const ca = house.read('workspace/ca.crt')
  httpsRequest({ ...at, ca, method, path, headers, agent: false, ...more })
    .on('response', resolve)
    .on('error', reject)
    .end(body)
  const response = await promise
  const { localAddress, localPort } = response.socket
  const text = Buffer.concat(await response.toArray()).toString()
  return {
    status: response.statusCode,
    headers: response.headers,
    body: JSON.parse(text) as Record<string, unknown>,
    from: `${localAddress}:${localPort}`,
  }
}

function askForTicket(
  what: object,
  headers: Record<string, string> = { authorization: TOKEN },
): Promise<Answer> {
  return ask('POST', '/tickets', { ...headers, ...JSON_TYPE }, JSON.stringify(what))
}

/** What the storefront itself answers to these bytes. */
async function straight(said: Uint8Array, shown: ConnectionOptions): Promise<string> {
  const client = connectTls({
    ...storefront.at.listen,
    ca: house.read('workspace/ca.crt'),
    ...shown,
  })
  const { promise, resolve } = Promise.withResolvers<string>()
  const heard: Buffer[] = []
  client
    .on('data', (bytes: Buffer) => void heard.push(bytes))
    .on('error', () => {})
    .on('close', () => resolve(Buffer.concat(heard).toString()))
    .write(said)
  return await promise
}

/** The certificate of one of the daemons. */
function shownBy(role: string): ConnectionOptions {
  const read = (file: string): Buffer => readFileSync(join(house.folder, 'certs', role, file))
  return { cert: read('tls.crt'), key: read('tls.key') }
}
