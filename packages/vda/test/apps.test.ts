import { createHash } from 'node:crypto'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { ICA_GREETING } from '@doublehop/wire/ica-greeting'
import t, { type Test } from 'tap'
import { type End, EndServer, openEnd } from '../../../test/kit/ends.ts'
import { House, type Running } from '../../../test/kit/house.ts'
import { buffersInUse } from '../../../test/kit/memory.ts'
import { arrivedFrom, bytesFrom, hearAll, sayAll } from '../../../test/kit/transfer.ts'
import { until } from '../../../test/kit/wait.ts'

/** A VDA with one app, on both ports. */
async function run(
  t: Test,
  app: object,
): Promise<{ vda: Running; house: House; open: () => Promise<End>; greeted: () => Promise<End> }> {
  const house = new House(t)
  const vda = await house.vda([
    { name: 'app', listenCgp: '127.0.0.1:0', listenIca: '127.0.0.1:0', ...app },
  ])
  const at = (port: string): Endpoint => vda.at[`app.${port}`] as Endpoint
  return {
    vda,
    house,
    open: () => openEnd(t, at('cgp')),
    async greeted() {
      const end = await openEnd(t, at('ica'))
      await end.read(ICA_GREETING.length)
      end.say(ICA_GREETING)
      return end
    },
  }
}

t.test('echo sends everything back, and the end after it', async (t) => {
  const { open, greeted } = await run(t, { kind: 'echo' })
  for (const way of [open, greeted]) {
    const end = await way()
    end.say('first')
    t.equal((await end.read(5)).toString(), 'first', 'at once')
    const said = bytesFrom('echo', 10_000_000)
    const heard = hearAll(end)
    await sayAll(end, said)
    t.same(await heard, arrivedFrom(said))
    t.equal(await end.ending(), 'clean')
  }
})

t.test('echo to a client that does not read stops reading too', async (t) => {
  const { open, vda } = await run(t, { kind: 'echo' })
  const end = await open()
  end.socket.pause()
  const piece = Buffer.alloc(1_000_000)
  let said = 0
  const before = buffersInUse()
  while (said < 200_000_000 && (await takesMore(end, piece))) said += piece.length
  t.ok(said < 200_000_000, `stopped after ${said} bytes`)
  t.ok(buffersInUse() - before < 4_000_000)
  end.destroy()
  await until(
    async () => (await shown(vda)).length,
    (count) => count === 0,
  )
})

t.test('source says the same stream to everybody, and another for another seed', async (t) => {
  const first = async (seed: string): Promise<Buffer> => {
    const { open } = await run(t, { kind: 'source', seed })
    const beginning = async (): Promise<Buffer> => {
      const end = await open()
      const heard = await end.read(1_000_000)
      end.destroy()
      return heard
    }
    const stream = await beginning()
    t.ok(stream.equals(await beginning()), 'twice the same')
    return stream
  }
  const [a, again, b] = [await first('a'), await first('a'), await first('b')]
  t.ok(a.equals(again), 'from a VDA of its own too')
  t.notOk(a.equals(b))
  const key = createHash('sha256').update('a').digest()
  const { createCipheriv } = await import('node:crypto')
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16))
  t.ok(a.equals(cipher.update(Buffer.alloc(1_000_000))), 'AES-CTR under the SHA-256 of the seed')
})

t.test('source ends when the client does, and not before', async (t) => {
  const { open, greeted } = await run(t, { kind: 'source' })
  for (const way of [open, greeted]) {
    const end = await way()
    await end.read(5_000_000)
    end.onBytes = () => {}
    end.finish('what is said does not matter')
    await end.until(() => end.ended)
    t.equal(await end.ending(), 'clean')
  }
  const early = await open()
  early.finish()
  early.onBytes = () => {}
  t.equal(await early.ending(), 'clean', 'also for one who ends at once')
})

t.test('source holds little for a client that does not read', async (t) => {
  const { open } = await run(t, { kind: 'source' })
  const end = await open()
  end.socket.pause()
  const before = buffersInUse()
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.ok(buffersInUse() - before < 4_000_000)
})

t.test('sink takes everything, and answers at the end with count and SHA-256', async (t) => {
  const { open, greeted } = await run(t, { kind: 'sink' })
  for (const way of [open, greeted]) {
    for (const count of [0, 1, 5_000_000]) {
      const end = await way()
      const said = bytesFrom('sink', count)
      await sayAll(end, said)
      t.equal((await end.rest()).toString(), `${count} ${arrivedFrom(said).sha256}\n`)
      t.equal(await end.ending(), 'clean')
    }
  }
})

t.test('clock says the time, a line a second, until the client ends', async (t) => {
  const { open } = await run(t, { kind: 'clock' })
  const end = await open()
  const began = performance.now()
  await until(
    () => end.heard.toString().split('\n').length - 1,
    (lines) => lines === 2,
  )
  const took = performance.now() - began
  t.ok(took > 900 && took < 3000, `the second line after ${took} ms`)
  for (const line of end.heard.toString().trimEnd().split('\n')) {
    t.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    t.ok(Math.abs(Date.now() - Date.parse(line)) < 5000)
  }
  end.finish('what is said does not matter')
  t.equal(await end.ending(), 'clean')
})

t.test('clock tells it once to a client that has ended its half before it began', async (t) => {
  const { vda, house, greeted } = await run(t, { kind: 'clock' })
  const end = await openEnd(t, vda.at['app.ica'] as Endpoint)
  await end.read(ICA_GREETING.length)
  end.finish(ICA_GREETING)
  t.match((await end.rest()).toString(), /^[^\n]+Z\n$/)
  t.equal(await end.ending(), 'clean')
  const other = await greeted()
  other.reset()
  await until(
    () => house.events('session-closed').length,
    (count) => count === 2,
  )
  t.same(house.events('session-failed'), [])
})

t.test('tcp', async (t) => {
  const target = await EndServer.open(t)
  const app = { kind: 'tcp', target: formatEndpoint(target.at) }
  const { open, greeted, vda, house } = await run(t, app)

  t.test('passes on whatever comes first, from either side', async (t) => {
    for (const way of [open, greeted]) {
      const client = await way()
      const server = await target.next()
      server.say('banner')
      t.equal((await client.read(6)).toString(), 'banner')
      client.finish('question')
      t.equal((await server.rest()).toString(), 'question')
      server.finish('answer')
      t.equal((await client.rest()).toString(), 'answer')
      t.equal(await client.ending(), 'clean')
    }
  })

  t.test('what the client said before the target answered is not lost', async (t) => {
    const client = await open()
    const said = bytesFrom('early', 2_000_000)
    const saying = sayAll(client, said)
    const heard = hearAll(await target.next())
    await saying
    t.same(await heard, arrivedFrom(said))
    client.destroy()
  })

  t.test('a reset passes, in either direction', async (t) => {
    for (const by of ['client', 'server'] as const) {
      const client = await open()
      client.say('x')
      const server = await target.next()
      await server.read(1)
      const [breaker, other] = by === 'client' ? [client, server] : [server, client]
      breaker.reset()
      t.equal(await other.ending(), 'ECONNRESET')
    }
  })

  t.test(
    'a VDA that ends leaves no connection to its target behind, also half-closed ones',
    async (t) => {
      const ends: End[] = []
      for (const half of [false, true]) {
        const client = await open()
        client.say('x')
        const server = await target.next()
        await server.read(1)
        if (half) {
          client.finish()
          await server.until(() => server.ended)
          server.say('y')
          await client.read(1)
        }
        ends.push(server)
      }
      await vda.close()
      for (const server of ends) {
        const drip = setInterval(() => server.say('.'), 20)
        t.teardown(() => clearInterval(drip))
        await server.until(() => server.closed)
      }
    },
  )

  t.test('a target that is not there ends the session', async (t) => {
    const gone = new House(t)
    const other = await EndServer.open(t)
    const nowhere = await gone.vda([
      { name: 'app', kind: 'tcp', target: '127.0.0.1:1', listenCgp: '127.0.0.1:0' },
    ])
    const client = await openEnd(t, nowhere.at['app.cgp'] as Endpoint)
    t.equal(await client.ending(), 'ECONNRESET')
    t.match(gone.events('session-failed'), [{ code: 'DH_DIAL_REFUSED', app: 'app' }])
    other.drop()
  })

  t.ok(house)
})

t.test('sessions are shown, counted and drained', async (t) => {
  const { open, vda, house } = await run(t, { kind: 'echo' })
  const end = await open()
  end.say('hello')
  await end.read(5)
  t.match(await shown(vda), [
    { app: 'app', peer: `127.0.0.1:${end.raw.localPort}`, bytesUp: 5, bytesDown: 5 },
  ])
  t.match(await vda.metrics.registry.metrics(), /^doublehop_sessions 1$/m)
  const drained = vda.drain()
  await t.rejects(open(), { code: 'ECONNREFUSED' })
  end.finish('bye')
  t.equal(await drained, true)
  t.match(house.events('session-closed'), [{ app: 'app', bytesUp: 8, bytesDown: 8 }])
  t.match(await vda.metrics.registry.metrics(), /^doublehop_sessions 0$/m)
  t.equal(await vda.drain(), true, 'one without sessions is drained at once')
})

async function shown(vda: Running): Promise<object[]> {
  const answer = await fetch(`http://${vda.where('admin')}/sessions`)
  return ((await answer.json()) as { sessions: object[] }).sessions
}

/** Says it, and tells whether the other side still takes what it is given. */
async function takesMore(end: End, piece: Buffer): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  if (end.socket.write(piece)) return true
  const timer = setTimeout(resolve, 500, false)
  end.socket.once('drain', () => resolve(true))
  const takes = await promise
  clearTimeout(timer)
  return takes
}
