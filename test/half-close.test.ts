import { randomBytes } from 'node:crypto'
import { launch } from '@doublehop/workspace/launch'
import t from 'tap'
import { House } from './kit/house.ts'
import { exchange } from './kit/session.ts'
import { Through } from './kit/through.ts'
import { arrivedFrom, bytesFrom, hearAll, sayAll } from './kit/transfer.ts'

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  t.test(`a FIN through both hops by ${version}`, async (t) => {
    const through = await Through.open(t, version)

    t.test('of the client leaves the server its say', async (t) => {
      const { client, server, id } = await through.session()
      client.finish('question')
      t.equal((await server.rest()).toString(), 'question')
      server.say('first ')
      t.equal((await client.read(6)).toString(), 'first ')
      t.notOk(client.ended, 'no FIN has come back')
      const answer = bytesFrom('answer', 5_000_000)
      const arriving = hearAll(client)
      await sayAll(server, answer)
      t.same(await arriving, arrivedFrom(answer))
      t.same([await client.ending(), await server.ending()], ['clean', 'clean'])
      const closed = { reason: 'client-closed', bytesUp: 8, bytesDown: 5_000_006 }
      const { gateway, proxy } = await through.closings(id)
      t.match(gateway, closed)
      t.match(proxy, closed)
    })

    t.test('of the server leaves the client its say', async (t) => {
      const { client, server, id } = await through.session()
      server.finish('greeting')
      t.equal((await client.rest()).toString(), 'greeting')
      client.say('first ')
      t.equal((await server.read(6)).toString(), 'first ')
      t.notOk(server.ended, 'no FIN has come back')
      const rest = bytesFrom('rest', 5_000_000)
      const arriving = hearAll(server)
      await sayAll(client, rest)
      t.same(await arriving, arrivedFrom(rest))
      t.same([await client.ending(), await server.ending()], ['clean', 'clean'])
      const closed = { reason: 'server-closed', bytesUp: 5_000_006, bytesDown: 8 }
      const { gateway, proxy } = await through.closings(id)
      t.match(gateway, closed)
      t.match(proxy, closed)
    })

    t.test('of a client that has said nothing is one too', async (t) => {
      const { client, server, id } = await through.session()
      client.finish()
      t.equal((await server.rest()).length, 0)
      server.finish('so what')
      t.equal((await client.rest()).toString(), 'so what')
      t.match(await through.closings(id), {
        gateway: { bytesUp: 0, bytesDown: 7 },
        proxy: { bytesUp: 0, bytesDown: 7 },
      })
    })

    t.test('of both at once', async (t) => {
      const { client, server, id } = await through.session()
      const [up, down] = [randomBytes(300_000), randomBytes(200_000)]
      client.finish(up)
      server.finish(down)
      t.ok((await server.rest()).equals(up))
      t.ok((await client.rest()).equals(down))
      t.same([await client.ending(), await server.ending()], ['clean', 'clean'])
      for (const closing of Object.values(await through.closings(id))) {
        t.match(closing, {
          reason: /^(client|server)-closed$/,
          bytesUp: 300_000,
          bytesDown: 200_000,
        })
      }
    })

    t.test('behind much that the other side has not read yet comes after all of it', async (t) => {
      const { client, server, id } = await through.session()
      server.socket.pause()
      const said = bytesFrom('much', 20_000_000)
      client.finish(said)
      server.finish('done with you')
      t.equal((await client.rest()).toString(), 'done with you')
      t.notOk(server.ended)
      const arriving = hearAll(server)
      server.socket.resume()
      t.same(await arriving, arrivedFrom(said))
      t.match(await through.closings(id), {
        gateway: { bytesUp: 20_000_000 },
        proxy: { bytesUp: 20_000_000 },
      })
    })
  })
}

t.test('a FIN right behind the request reaches the server, whose answer comes back', async (t) => {
  const apps = ['echo', 'sink'].map((kind) => ({ name: kind, kind, listenCgp: '127.0.0.1:0' }))
  const { access, ticket } = await new House(t).doubleHop({ apps })
  const said = bytesFrom('all of it', 1_000_000)
  for (const protocol of ['socks', 'cgp'] as const) {
    const open = async (app: string) =>
      (await launch(access, { ticket: await ticket(app), port: 2598, protocol })).leg
    t.ok((await exchange(await open('echo'), said)).equals(said))
    t.equal(
      (await exchange(await open('sink'), said)).toString(),
      `${said.length} ${arrivedFrom(said).sha256}\n`,
    )
  }
})
