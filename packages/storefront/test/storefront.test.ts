import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeProxyHeader } from '@doublehop/wire/proxy-protocol'
import { parseTicket } from '@doublehop/wire/ticket'
import t, { type Test } from 'tap'
import { type End, EndServer, openEnd } from '../../../test/kit/ends.ts'
import { House, type Running } from '../../../test/kit/house.ts'
import { until } from '../../../test/kit/wait.ts'

const CLIENT = { host: '192.0.2.7', port: 50_000 }
const HEADER = encodeProxyHeader(CLIENT, { host: '192.0.2.1', port: 443 })
const APPS = [{ name: 'echo', description: 'says it again', cgpAddress: 'vda.internal:2598' }]

/** A storefront, and the connections of a gateway to it. */
interface Shop {
  readonly house: House
  readonly storefront: Running
  readonly token: string
  /** a connection that has said its PROXY header */
  readonly open: () => Promise<End>
}

async function openShop(t: Test, more: object = {}, sta?: string): Promise<Shop> {
  const house = new House(t)
  const url = sta ?? `https://${(await house.sta()).where()}`
  const storefront = await house.storefront([{ id: 'STA01', urls: [url] }], APPS, more)
  const gateway = shownBy(house, 'gateway')
  return {
    house,
    storefront,
    token: house.read('workspace/token'),
    async open() {
      const end = await openEnd(t, storefront.at.listen as Endpoint, gateway)
      end.say(HEADER)
      return end
    },
  }
}

function shownBy(house: House, role: string): ConnectionOptions {
  const file = (name: string): Buffer => readFileSync(join(house.folder, 'certs', role, name))
  return { cert: file('tls.crt'), key: file('tls.key'), ca: file('ca.crt') }
}

function get(path: string, token: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${token}\r\n\r\n`
}

function post(body: string, token: string, more = `Content-Length: ${body.length}\r\n`): string {
  const head = `POST /tickets HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${token}\r\n`
  return `${head}Content-Type: application/json\r\n${more}\r\n${body}`
}

/** The statuses of all answers so far. */
function statuses(end: End): number[] {
  return [...end.heard.toString().matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) =>
    Number(status),
  )
}

/** Waits for so many answers. */
async function answers(end: End, count: number): Promise<number[]> {
  return await until(
    () => statuses(end),
    (seen) => seen.length >= count,
  )
}

t.test('requests in one write are answered in their order', async (t) => {
  const { open, token } = await openShop(t)
  const end = await open()
  const ask = post('{"app":"echo"}', token)
  end.say(ask + get('/apps', token) + ask + get('/apps', token))
  t.same(await answers(end, 4), [201, 200, 201, 200])
  const tickets = [...end.heard.toString().matchAll(/"ticket":"([^"]+)"/g)].map(([, text]) =>
    String(text),
  )
  t.equal(new Set(tickets).size, 2)
  for (const text of tickets) t.equal(parseTicket(text).primary.sta, 'STA01')
})

t.test('header and request may come in any pieces', async (t) => {
  const { storefront, house, token } = await openShop(t)
  const said = Buffer.concat([HEADER, Buffer.from(get('/apps', token))])
  for (const size of [said.length, HEADER.length + 1, 1]) {
    const end = await openEnd(t, storefront.at.listen as Endpoint, shownBy(house, 'gateway'))
    for (let at = 0; at < said.length; at += size) {
      end.say(said.subarray(at, at + size))
      await new Promise(setImmediate)
    }
    t.same(await answers(end, 1), [200])
    t.match(
      end.heard.toString(),
      /"apps":\[\{"name":"echo","description":"says it again","ports":\[2598\]\}\]/,
    )
  }
})

t.test('the token', async (t) => {
  const { open, token } = await openShop(t)
  const status = async (authorization: string): Promise<number | undefined> => {
    const end = await open()
    end.say(`GET /apps HTTP/1.1\r\nHost: here\r\n${authorization}\r\n\r\n`)
    return (await answers(end, 1))[0]
  }
  t.equal(await status(`Authorization: Bearer ${token}`), 200)
  t.equal(
    await status(`authorization: bearer ${token}`),
    200,
    'the scheme in any letter case (RFC 7235, 2.1)',
  )
  const wrong = [
    `Authorization: Bearer ${token.slice(0, -1)}`,
    `Authorization: Bearer ${token}=`,
    `Authorization: Bearer  ${token}`,
    `Authorization: Bearer ${token.toUpperCase()}`,
    `Authorization: Bearer ${createHash('sha256').update(token).digest('hex')}`,
    `Authorization: Bearer ${token.slice(0, 8)}, Bearer ${token}`,
    `Authorization: Bearer `,
    `Authorization: ${token}`,
    `Authorization: Bearer ${'x'.repeat(5000)}`,
    `Authorization: Bearer nonsense\r\nAuthorization: Bearer ${token}`,
    `X-Authorization: Bearer ${token}`,
  ]
  for (const authorization of wrong)
    t.equal(await status(authorization), 401, authorization.replaceAll(token, 'TOKEN').slice(0, 60))
})

t.test('a digest in capital letters is the same', async (t) => {
  const house = new House(t)
  writeFileSync(join(house.folder, 'DIGEST'), house.read('storefront/token.sha256').toUpperCase())
  const storefront = await house.storefront(
    [{ id: 'STA01', urls: ['https://127.0.0.1:1'] }],
    APPS,
    { tokenDigest: 'file:DIGEST' },
  )
  const end = await openEnd(t, storefront.at.listen as Endpoint, shownBy(house, 'gateway'))
  end.say(Buffer.concat([HEADER, Buffer.from(get('/apps', house.read('workspace/token')))]))
  t.same(await answers(end, 1), [200])
})

t.test('a body', async (t) => {
  const { open, token } = await openShop(t)
  const outcome = async (request: string): Promise<number | undefined> => {
    const end = await open()
    end.say(request)
    return (await answers(end, 1))[0]
  }
  t.test('may be chunked, padded, and as long as 4096 bytes', async (t) => {
    const chunked = '5\r\n{"app\r\n9\r\n":"echo"}\r\n0\r\n\r\n'
    t.equal(await outcome(post(chunked, token, 'Transfer-Encoding: chunked\r\n')), 201)
    t.equal(await outcome(post('{"app":"echo"}'.padEnd(4096), token)), 201)
  })
  t.test('may not be longer, nor be two things at once', async (t) => {
    t.equal(await outcome(post('{"app":"echo"}'.padEnd(4097), token)), 400)
    t.equal(
      await outcome(
        post('{"app":"echo"}', token, 'Content-Length: 14\r\nTransfer-Encoding: chunked\r\n'),
      ),
      400,
    )
    t.equal(
      await outcome(post('{"app":"echo"}', token, 'Content-Length: 14\r\nContent-Length: 15\r\n')),
      400,
    )
  })
  t.test('of a wrong shape is refused', async (t) => {
    const wrong = [
      '{"app":"echo","app2":1}',
      '{"__proto__":{"app":"echo"}}',
      '{"app":["echo"]}',
      'null',
      '"echo"',
      '\xff',
      '{"app":"echo"} x',
    ]
    for (const body of wrong) t.equal(await outcome(post(body, token)), 400, body)
    t.equal(await outcome(post(`{"app":"${'x'.repeat(63)}"}`, token)), 404)
    t.equal(await outcome(post(`{"app":"${'x'.repeat(64)}"}`, token)), 400)
  })
  t.test(
    'that is far too long is answered before it has come, and its connection ended',
    async (t) => {
      const end = await open()
      end.say(post('x'.repeat(100_000), token, 'Content-Length: 100000000\r\n'))
      t.same(await answers(end, 1), [400])
      t.match(end.heard.toString(), /^connection: close\r$/im)
      await end.until(() => end.ended || end.closed)
    },
  )
})

t.test('what is not HTTP, or too much of it, is refused', async (t) => {
  const { open } = await openShop(t)
  for (const [said, status] of [
    ['\x05\x01\x00\r\n\r\n', 400],
    ['GET /apps HTTP/1.1\r\n\r\n', 400],
    [`GET /apps HTTP/1.1\r\nHost: here\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['GET /apps HTTP/3.0\r\nHost: here\r\n\r\n', 400],
  ] as const) {
    const end = await open()
    end.say(said)
    t.same(await answers(end, 1), [status], JSON.stringify(said.slice(0, 30)))
    await end.until(() => end.ended || end.closed)
  }
})

t.test('a request that drips in is ended', async (t) => {
  const { open, token } = await openShop(t, { limits: { request: '300ms' } })
  for (const begun of [
    'GET /apps HTTP/1.1\r\nX: ',
    post('', token, 'Content-Length: 1000\r\n'),
    '',
  ]) {
    const end = await open()
    end.say(begun)
    const drip = setInterval(() => end.say('x'), 50)
    if (begun === '') clearInterval(drip)
    await end.until(() => end.ended || end.closed)
    clearInterval(drip)
    t.match(end.heard.toString(), /^HTTP\/1\.1 408 /)
  }
})

t.test('a client that goes away while its ticket is issued costs nothing', async (t) => {
  const slow = await EndServer.open(t)
  const { open, token, storefront } = await openShop(t, {}, `http://127.0.0.1:${slow.at.port}`)
  const end = await open()
  end.say(post('{"app":"echo"}', token))
  const sta = await slow.next()
  await until(() => sta.heard.length, Boolean)
  end.reset()
  sta.finish('HTTP/1.1 500 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  const again = await open()
  again.say(get('/apps', token))
  t.same(await answers(again, 1), [200])
  t.equal(await storefront.drain(), true)
})

t.test('draining waits for the requests under way, and closing ends who rests', async (t) => {
  const slow = await EndServer.open(t)
  const { open, token, storefront } = await openShop(t, {}, `http://127.0.0.1:${slow.at.port}`)
  const resting = await open()
  resting.say(get('/apps', token))
  await answers(resting, 1)
  const asking = await open()
  asking.say(post('{"app":"echo"}', token))
  const sta = await slow.next()
  await until(() => sta.heard.length, Boolean)

  let isDrained = false
  const drained = storefront.drain().then((all) => {
    isDrained = all
  })
  await t.rejects(open(), { code: 'ECONNREFUSED' })
  t.notOk(isDrained)
  sta.finish('HTTP/1.1 503 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  await drained
  t.ok(isDrained)
  t.same(await answers(asking, 1), [503])
  t.notOk(resting.ended || resting.closed)
  await storefront.close()
  await resting.until(() => resting.ended || resting.closed)
})

t.test('gateways', async (t) => {
  const attempt = async (t: Test, gateways: object, role: string): Promise<string> => {
    const { storefront, house, token } = await openShop(t, { gateways }, 'https://127.0.0.1:1')
    const end = await openEnd(t, storefront.at.listen as Endpoint, shownBy(house, role))
    end.say(Buffer.concat([HEADER, Buffer.from(get('/apps', token))]))
    await until(() => end.heard.length > 0 || end.ended || end.closed, Boolean)
    return end.heard.toString().slice(0, 12) || String(house.events('gateway-refused')[0]?.code)
  }
  const here = ['127.0.0.0/8']
  const elsewhere = ['192.0.2.0/24']
  t.equal(await attempt(t, { names: ['gateway'] }, 'gateway'), 'HTTP/1.1 200')
  t.equal(await attempt(t, { networks: here }, 'proxy'), 'HTTP/1.1 200')
  t.equal(await attempt(t, { names: ['gateway'], networks: here }, 'gateway'), 'HTTP/1.1 200')
  t.equal(await attempt(t, { names: ['gateway'] }, 'proxy'), 'DH_PEER_NOT_LISTED')
  t.equal(
    await attempt(t, { names: ['gateway'], networks: elsewhere }, 'gateway'),
    'DH_PEER_NOT_LISTED',
  )
  t.equal(
    await attempt(t, { names: [], networks: [] }, 'gateway'),
    'DH_PEER_NOT_LISTED',
    'with no list nobody',
  )
})

t.test('a gateway that says nothing after TLS is ended', async (t) => {
  const { storefront, house } = await openShop(
    t,
    { limits: { request: '200ms' } },
    'https://127.0.0.1:1',
  )
  const end = await openEnd(t, storefront.at.listen as Endpoint, shownBy(house, 'gateway'))
  await end.until(() => end.ended || end.closed)
  t.match(house.events('gateway-refused'), [{ code: 'DH_HANDSHAKE_DEADLINE', peerName: 'gateway' }])
})

t.test('the client’s address stands in the log, the ticket does not', async (t) => {
  const { open, token, house } = await openShop(t)
  const end = await open()
  end.say(post('{"app":"echo"}', token))
  await answers(end, 1)
  const [, text = ''] = /"ticket":"([^"]+)"/.exec(end.heard.toString()) ?? []
  const [issued] = house.events('ticket-issued').filter(({ daemon }) => daemon === 'storefront')
  t.match(issued, { app: 'echo', peer: '192.0.2.7:50000' })
  t.notMatch(JSON.stringify(house.log), new RegExp(parseTicket(text).primary.reveal()))
  t.notMatch(JSON.stringify(house.log), new RegExp(token))
})
