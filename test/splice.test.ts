import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { encodeCgpFlight } from '@doublehop/wire/cgp'
import { concat } from '@doublehop/wire/conversation'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { launch } from '@doublehop/workspace/launch'
import fc from 'fast-check'
import t from 'tap'
import { shownBy } from './kit/ask-admin.ts'
import { type End, openEnd } from './kit/ends.ts'
import { SOCKS_GREETING, socksRequest } from './kit/flights.ts'
import { buffersInUse } from './kit/memory.ts'
import { exchange } from './kit/session.ts'
import { settled } from './kit/settled.ts'
import { Through } from './kit/through.ts'
import { missing, toolPath } from './kit/tools.ts'
import { arrivedFrom, bytesFrom, hearAll, sayAll } from './kit/transfer.ts'
import { until } from './kit/wait.ts'

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  t.test(`through both hops by ${version}`, async (t) => {
    const through = await Through.open(t, version)

    t.test('50 MB each way at once arrive whole, and are counted to the byte', async (t) => {
      const { client, server, id } = await through.session()
      const [up, down] = [bytesFrom('up', 50_000_000), bytesFrom('down', 50_000_001)]
      const arriving = Promise.all([hearAll(server), hearAll(client)])
      await Promise.all([sayAll(client, up), sayAll(server, down)])
      t.same(await arriving, [arrivedFrom(up), arrivedFrom(down)])
      const { gateway, proxy } = await through.closings(id)
      for (const closing of [gateway, proxy]) {
        t.match(closing, {
          bytesUp: 50_000_000,
          bytesDown: 50_000_001,
          reason: /^(client|server)-closed$/,
        })
      }
      t.equal(through.house.steps(id).length, 9)
    })

    t.test(
      'whatever is said in whatever pieces arrives, whole and in order, and so do the ends',
      async () => {
        const piece = fc.record({
          size: fc.oneof(fc.nat(40), fc.nat(3000), fc.nat(200_000)),
          turns: fc.nat(3),
        })
        const script = fc.array(piece, { maxLength: 10 })
        await fc.assert(
          fc.asyncProperty(script, script, async (up, down) => {
            const { client, server, id } = await through.session()
            const arriving = Promise.all([hearAll(server), hearAll(client)])
            const [saidUp, saidDown] = await Promise.all([
              perform(client, up),
              perform(server, down),
            ])
            const [arrivedUp, arrivedDown] = await arriving
            t.same([arrivedUp, arrivedDown], [arrivedFrom(saidUp), arrivedFrom(saidDown)])
            const { gateway, proxy } = await through.closings(id)
            const carried = { bytesUp: saidUp.length, bytesDown: saidDown.length }
            t.match(gateway, carried)
            t.match(proxy, carried)
          }),
          { numRuns: version === 'TLSv1.3' ? 15 : 5 },
        )
      },
    )
  })
}

t.test('a reader that does not read', async (t) => {
  const through = await Through.open(t)
  for (const reads of ['client', 'server'] as const) {
    t.test(
      `as ${reads} stops the other end, at no cost of memory, and loses nothing`,
      async (t) => {
        const { id, ...ends } = await through.session()
        const [reader, writer] =
          reads === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
        const said = bytesFrom(reads, 120_000_000)
        reader.socket.pause()
        const before = buffersInUse()
        let taken = 0
        const saying = sayAll(writer, said, (count) => {
          taken = count
        })
        await settled(() => taken)
        t.ok(taken < said.length, `stopped after ${taken} bytes, which the kernel holds`)
        const held = await until(
          () => buffersInUse() - before,
          (bytes) => bytes < 2_000_000,
        )
        t.comment(`${held} bytes are held in here`)
        const arriving = hearAll(reader)
        reader.socket.resume()
        await saying
        t.same(await arriving, arrivedFrom(said))
        reader.finish()
        const { gateway, proxy } = await through.closings(id)
        const reason = reads === 'client' ? 'server-closed' : 'client-closed'
        t.same([gateway.reason, proxy.reason], [reason, reason])
      },
    )
  }
})

t.test('early data and the flight of a CGP client count as what they are', async (t) => {
  const through = await Through.open(t)
  const { hop, house } = through
  const early = randomBytes(30_000)
  const closings = (): unknown[] =>
    house
      .events('session-closed')
      .filter(({ daemon }) => daemon !== 'vda')
      .map(({ bytesUp, bytesDown }) => [bytesUp, bytesDown])

  const socks = await openEnd(t, hop.gateway.at.listen as Endpoint, {
    ca: house.read('workspace/ca.crt'),
  })
  socks.say(SOCKS_GREETING)
  await socks.read(2)
  socks.finish(concat(socksRequest((await hop.ticket('echo')).reveal(), 2598), early))
  t.ok((await socks.rest()).subarray(10).equals(early))
  await until(closings, (seen) => seen.length === 2)
  t.same(closings(), [
    [30_000, 30_000],
    [30_000, 30_000],
  ])

  const ticket = await hop.ticket('echo')
  const flight = encodeCgpFlight(ticket)
  const cgp = await openEnd(t, hop.gateway.at.listen as Endpoint, {
    ca: house.read('workspace/ca.crt'),
  })
  cgp.finish(concat(flight, early))
  t.ok((await cgp.rest()).equals(early))
  await until(closings, (seen) => seen.length === 4)
  t.same(closings().slice(2), Array(2).fill([flight.length + early.length, early.length]))
})

t.test('a session that runs is shown with what it has carried so far', async (t) => {
  const through = await Through.open(t)
  const { client, server, id } = await through.session()
  client.say('question')
  await server.read(8)
  server.say('answer')
  await client.read(6)
  for (const daemon of [through.hop.gateway, through.hop.proxy]) {
    const { sessions } = await shownBy(daemon.at.admin)
    t.match(
      sessions,
      [{ id, step: '9 splice', bytesUp: 8, bytesDown: 6 }].map((about) =>
        daemon === through.hop.proxy ? { ...about, step: /./ } : about,
      ),
    )
  }
})

t.test('idle', async (t) => {
  t.test(
    'a session without a byte is cut by whoever is told to, and the others learn it',
    async (t) => {
      for (const by of ['gateway', 'proxy'] as const) {
        const through = await Through.open(t, 'TLSv1.3', { [by]: { limits: { idle: '300ms' } } })
        const { client, server, id } = await through.session()
        client.say('x')
        await server.read(1)
        t.same([await client.ending(), await server.ending()], ['ECONNRESET', 'ECONNRESET'])
        const { gateway, proxy } = await through.closings(id)
        t.equal((by === 'gateway' ? gateway : proxy).reason, 'idle-timeout')
        t.equal((by === 'gateway' ? proxy : gateway).reason, 'error:ECONNRESET')
      }
    },
  )

  t.test('bytes in one direction keep it open', async (t) => {
    const idle = { limits: { idle: '500ms' } }
    const through = await Through.open(t, 'TLSv1.3', { gateway: idle, proxy: idle })
    const { client, server, id } = await through.session()
    const until = performance.now() + 1500
    while (performance.now() < until) {
      server.say('.')
      await client.read(1)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    t.notOk(client.closed || server.closed)
    const { gateway, proxy } = await through.closings(id)
    const reasons = [gateway.reason, proxy.reason]
    t.ok(reasons.includes('idle-timeout'), 'and then it ends after all, by whoever is first')
  })
})

t.test('what is under way when a daemon closes is reset, for the reason drain', async (t) => {
  for (const which of ['gateway', 'proxy'] as const) {
    const through = await Through.open(t)
    const { client, server, id } = await through.session()
    client.say('x')
    await server.read(1)
    await through.hop[which].close()
    t.same([await client.ending(), await server.ending()], ['ECONNRESET', 'ECONNRESET'])
    const { gateway, proxy } = await through.closings(id)
    t.equal((which === 'gateway' ? gateway : proxy).reason, 'drain')
    t.equal((which === 'gateway' ? proxy : gateway).reason, 'error:ECONNRESET')
  }
})

t.test('no session and no socket is left behind by a hundred of them', async (t) => {
  const through = await Through.open(t)
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((kind) => /TCPSocketWrap/.test(kind)).length
  const one = async (): Promise<void> => {
    const { leg } = await launch(through.hop.access, {
      ticket: await through.hop.ticket(),
      port: 2598,
      protocol: 'socks',
    })
    await exchange(leg, Buffer.from('x'))
  }
  await one()
  const { gateway, proxy } = through.hop
  const count = async (): Promise<number[]> => [
    (await shownBy(gateway.at.admin)).sessions.length,
    (await shownBy(proxy.at.admin)).sessions.length,
  ]
  await until(count, (seen) => seen.join() === '0,0')
  const before = sockets()
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 10 }, one))
  await until(count, (seen) => seen.join() === '0,0')
  // A few connections to the STA may rest, and one of each hop may be open ahead.
  await until(sockets, (left) => left <= before + 12)
})

t.test(
  'whoever is silent for a minute is asked whether it is still there, on every leg of a session',
  { skip: process.platform === 'linux' ? missing('ss') : 'ss is Linux’s' },
  async (t) => {
    const through = await Through.open(t)
    const { client, server } = await through.session()
    const { gateway, proxy } = through.hop
    const hop = (await shownBy(proxy.at.admin)).sessions[0]?.peer ?? 'none'
    const legs: Record<string, [from: string, to: string]> = {
      'gateway → client': [gateway.where(), `127.0.0.1:${client.raw.localPort}`],
      'gateway → proxy': [hop, proxy.where()],
      'proxy → gateway': [proxy.where(), hop],
      'proxy → VDA': [`127.0.0.1:${server.raw.remotePort}`, `127.0.0.1:${server.raw.localPort}`],
    }
    for (const [leg, [from, to]] of Object.entries(legs)) {
      const timer = (): string =>
        spawnSync(toolPath('ss'), ['-Htno', 'src', from, 'dst', to], { encoding: 'utf8' }).stdout
      // Until what was said last is acknowledged there is another timer.
      const shown = await until(timer, (text) => text.includes('keepalive'))
      t.match(shown, /timer:\(keepalive,(5\dsec|1min|60sec),0\)/, leg)
    }
  },
)

/** Says pieces with turns of the event loop between them, then ends. Returns all that was said. */
async function perform(
  end: End,
  script: readonly { size: number; turns: number }[],
): Promise<Buffer> {
  const said: Buffer[] = []
  for (const { size, turns } of script) {
    const piece = randomBytes(size)
    said.push(piece)
    end.say(piece)
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
  }
  end.finish()
  return Buffer.concat(said)
}
