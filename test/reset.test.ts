import { randomBytes } from 'node:crypto'
import t from 'tap'
import { Through } from './kit/through.ts'
import { bytesFrom, sayAll } from './kit/transfer.ts'
import { until } from './kit/wait.ts'

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  t.test(`an RST through both hops by ${version}`, async (t) => {
    const through = await Through.open(t, version)

    for (const by of ['client', 'server'] as const) {
      t.test(`of the ${by} arrives at the other end as ECONNRESET`, async (t) => {
        const { id, ...ends } = await through.session()
        const [breaker, other] =
          by === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
        breaker.say('last words')
        t.equal((await other.read(10)).toString(), 'last words')
        breaker.reset()
        t.equal(await other.ending(), 'ECONNRESET')
        const closed = {
          reason: 'error:ECONNRESET',
          bytesUp: by === 'client' ? 10 : 0,
          bytesDown: by === 'client' ? 0 : 10,
        }
        const { gateway, proxy } = await through.closings(id)
        t.match(gateway, closed)
        t.match(proxy, closed)
      })

      t.test(`of the ${by} in the middle of much it was being told is no clean end`, async (t) => {
        const { id, ...ends } = await through.session()
        const [breaker, other] =
          by === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
        breaker.onBytes = () => {}
        other.onBytes = () => {}
        void sayAll(other, bytesFrom('much', 100_000_000))
        await until(
          () => breaker.socket.bytesRead,
          (count) => count > 2_000_000,
        )
        breaker.reset()
        t.match(await other.ending(), /^(ECONNRESET|EPIPE)$/)
        const { gateway, proxy } = await through.closings(id)
        for (const { reason } of [gateway, proxy]) t.match(reason, /^error:(ECONNRESET|EPIPE)$/)
      })

      t.test(`of the ${by} behind the other’s FIN is no clean end`, async (t) => {
        const { id, ...ends } = await through.session()
        const [breaker, other] =
          by === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
        other.finish('bye')
        t.equal((await breaker.rest()).toString(), 'bye')
        breaker.say('but')
        await other.read(3)
        breaker.reset()
        t.not(await other.ending(), 'clean')
        const reason = by === 'client' ? 'server-closed' : 'client-closed'
        const { gateway, proxy } = await through.closings(id)
        t.same([gateway.reason, proxy.reason], [reason, reason], 'the first FIN names the reason')
      })
    }

    t.test('is not what comes of a server that ends having read everything', async (t) => {
      const { client, server, id } = await through.session()
      client.say(randomBytes(1000))
      await server.read(1000)
      server.raw.destroy()
      await client.until(() => client.ended)
      t.notOk(client.closed)
      client.finish()
      t.equal((await through.closings(id)).gateway.reason, 'server-closed')
    })
  })
}

t.test('a connection between the hops that breaks breaks both ends', async (t) => {
  const through = await Through.open(t)
  const { client, server, id } = await through.session()
  client.say('x')
  await server.read(1)
  await through.hop.proxy.close()
  t.same([await client.ending(), await server.ending()], ['ECONNRESET', 'ECONNRESET'])
  t.match(await through.closings(id), {
    gateway: { reason: 'error:ECONNRESET', bytesUp: 1 },
    proxy: { reason: 'drain', bytesUp: 1 },
  })
})

t.test('a TLS record that no key fits breaks the session', async (t) => {
  for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
    const through = await Through.open(t, version)
    const { client, server, id } = await through.session()
    client.say('x')
    await server.read(1)
    client.raw.write(Buffer.concat([Buffer.of(0x17, 3, 3, 0, 64), randomBytes(64)]))
    t.equal(await server.ending(), 'ECONNRESET')
    await client.until(() => client.ended || client.closed)
    const { gateway, proxy } = await through.closings(id)
    t.match(gateway.reason, /^error:ERR_SSL_/)
    t.equal(proxy.reason, 'error:ECONNRESET')
  }
})
