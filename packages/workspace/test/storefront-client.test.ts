import { GatewayAccess } from '@doublehop/workspace/gateway-access'
import { StorefrontClient } from '@doublehop/workspace/storefront-client'
import t, { type Test } from 'tap'
import { inFiles, TestAuthority } from '../../../test/kit/certificates.ts'
import { type End, EndServer } from '../../../test/kit/ends.ts'
import { freePort } from '../../../test/kit/free-port.ts'
import { until } from '../../../test/kit/wait.ts'

const SHOWN = new TestAuthority().issue(['localhost', '127.0.0.1'])
const { ca } = inFiles(SHOWN)
const HEX = '6C0EE48D2E8CADFEE6D1EB93BFB52A57'

/** A client, and the storefront it thinks it talks to. */
async function open(t: Test): Promise<{ client: StorefrontClient; server: EndServer }> {
  const server = await EndServer.open(t, SHOWN)
  const client = new StorefrontClient(new GatewayAccess({ gateway: server.at, ca }), 'the-token')
  t.teardown(() => client.close())
  return { client, server }
}

/** Waits for a request and answers it. */
async function serve(end: End, status: number, body: string, headers = ''): Promise<string> {
  await until(
    () => end.heard.toString(),
    (text) => text.includes('\r\n\r\n') && (!text.startsWith('POST') || text.endsWith('}')),
  )
  const asked = end.heard.toString()
  end.heard = Buffer.alloc(0)
  end.say(
    `HTTP/1.1 ${status} x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`,
  )
  return asked
}

t.test('asks for apps and tickets over one connection, with its token', async (t) => {
  const { client, server } = await open(t)
  const apps = client.apps()
  const end = await server.next()
  t.match(
    await serve(end, 200, '{"apps":[{"name":"echo","ports":[2598]}]}'),
    /^GET \/apps HTTP\/1\.1\r\n(.*\r\n)*authorization: Bearer the-token\r\n/i,
  )
  t.same(await apps, [{ name: 'echo', ports: [2598] }])

  const ticket = client.ticket('echo')
  const asked = await serve(
    end,
    201,
    `{"ticket":";40;STA01;${HEX}","expires":"2030-01-01T00:00:00.000Z"}`,
  )
  t.match(
    asked,
    /^POST \/tickets HTTP\/1\.1\r\n(.*\r\n)*content-type: application\/json\r\n(.*\r\n)*\r\n\{"app":"echo"\}$/i,
  )
  t.equal((await ticket).ticket.reveal(), `;40;STA01;${HEX}`)
  t.equal(server.ends.length, 1)
})

t.test('a refusal is told in the storefront’s own words', async (t) => {
  const { client, server } = await open(t)
  const words: [status: number, body: string, why: string][] = [
    [401, '{"error":"unauthorized","message":"show the bearer token"}', 'show the bearer token'],
    [404, '{"error":"app-unknown"}', 'no reason given'],
    [503, '<html>Service Unavailable</html>', 'no reason given'],
    [302, '', 'no reason given'],
    [500, '{"message":42}', 'no reason given'],
  ]
  const asking = client.apps().catch((error) => error)
  const end = await server.next()
  for (const [at, [status, body, why]] of words.entries()) {
    const answer = at === 0 ? asking : client.apps().catch((error) => error)
    await serve(end, status, body)
    t.match(
      await answer,
      { code: 'DH_STOREFRONT_ANSWER', details: { status, why } },
      String(status),
    )
  }
})

t.test('an answer that is none of a storefront is a fault of the storefront', async (t) => {
  const { client, server } = await open(t)
  const odd = [
    '',
    'hello',
    '[]',
    '{}',
    '{"apps":"echo"}',
    '{"apps":[{"name":1}]}',
    'null',
    `"${'x'.repeat(2_000_000)}"`,
  ]
  for (const body of odd) {
    const apps = client.apps().catch((error) => error)
    const end = await server.next()
    await serve(end, 200, body, 'Connection: close\r\n')
    t.match(
      await apps,
      { code: 'DH_STOREFRONT_ANSWER', details: { status: 200 } },
      body.slice(0, 20),
    )
  }
})

t.test('a ticket that is none is not taken', async (t) => {
  const { client, server } = await open(t)
  const wrong = {
    'no ticket': 'DH_STOREFRONT_ANSWER',
    'no end': 'DH_STOREFRONT_ANSWER',
    odd: 'DH_TICKET_FORM',
  }
  const bodies = {
    'no ticket': '{"expires":"2030-01-01T00:00:00Z"}',
    'no end': `{"ticket":";40;STA01;${HEX}","expires":"soon"}`,
    odd: '{"ticket":"../../etc/passwd","expires":"2030-01-01T00:00:00Z"}',
  }
  for (const [what, code] of Object.entries(wrong)) {
    const ticket = client.ticket('echo').catch((error) => error)
    await serve(
      await server.next(),
      201,
      bodies[what as keyof typeof bodies],
      'Connection: close\r\n',
    )
    t.equal((await ticket).code, code, what)
  }
})

t.test(
  'an answer that breaks off, or never comes to be, is an end of the connection',
  async (t) => {
    const { client, server } = await open(t)
    const breaks: ((end: End) => void)[] = [
      (end) => end.reset(),
      (end) => end.finish(),
      (end) => end.finish('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"apps":[]}'),
      (end) => end.finish('SSH-2.0-OpenSSH\r\n'),
    ]
    for (const breakOff of breaks) {
      const apps = client.apps().catch((error) => error)
      const end = await server.next()
      await until(() => end.heard.length, Boolean)
      breakOff(end)
      t.match(await apps, { code: 'DH_STOREFRONT_ANSWER' })
      end.destroy()
    }
  },
)

t.test('a gateway that cannot be reached is told as such', async (t) => {
  const gateway = { host: '127.0.0.1', port: await freePort() }
  const client = new StorefrontClient(new GatewayAccess({ gateway, ca }), 'the-token')
  await t.rejects(client.apps(), { code: 'DH_DIAL_REFUSED' })
  client.close()

  const server = await EndServer.open(t, new TestAuthority().issue(['localhost']))
  const untrusted = new StorefrontClient(new GatewayAccess({ gateway: server.at, ca }), 'the-token')
  await t.rejects(untrusted.apps(), { code: 'DH_DIAL_TLS' })
  untrusted.close()
})

t.test('closing ends its connections', async (t) => {
  const { client, server } = await open(t)
  const apps = client.apps()
  const end = await server.next()
  await serve(end, 200, '{"apps":[]}')
  await apps
  client.close()
  await end.until(() => end.ended || end.closed)
})
