import { randomBytes, randomInt } from 'node:crypto'
import type { Leg } from '@doublehop/daemon/leg'
import { type Splice, splice } from '@doublehop/daemon/splice'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Wire } from '../../../test/kit/certificates.ts'
import { type End, EndServer, openEnd } from '../../../test/kit/ends.ts'
import { clientTls, dialLeg, listenForLegs, serverTls } from '../../../test/kit/legs.ts'
import { buffersInUse } from '../../../test/kit/memory.ts'
import { settled } from '../../../test/kit/settled.ts'
import { arrivedFrom, bytesFrom, hearAll, sayAll } from '../../../test/kit/transfer.ts'
import { until } from '../../../test/kit/wait.ts'

/** A client and a server in a test's hands, and our splice between them. */
interface Joined {
  readonly client: End
  readonly server: End
  readonly joined: Splice
  readonly legs: { readonly client: Leg; readonly server: Leg }
}

/** The wires of a session: to the client and to the server. */
const PAIRS: readonly (readonly [Wire, Wire])[] = [
  ['plain TCP', 'plain TCP'],
  ['TLSv1.3', 'TLSv1.3'],
  ['TLSv1.2', 'TLSv1.2'],
  ['TLSv1.3', 'plain TCP'],
]

/** Opens connections that are joined with this. */
async function joiner(
  t: Test,
  [near, far]: readonly [Wire, Wire],
  idle?: number,
): Promise<() => Promise<Joined>> {
  const target = await EndServer.open(t, serverTls(far))
  const opened: ((joined: Omit<Joined, 'client' | 'server'>) => void)[] = []
  const join = async (client: Leg): Promise<void> => {
    const server = await dialLeg(t, far, target.at)
    opened.shift()?.({ joined: splice(client, server, idle), legs: { client, server } })
  }
  const { at } = await listenForLegs(t, near, (client) => void join(client))
  return async () => {
    const { promise, resolve } = Promise.withResolvers<Omit<Joined, 'client' | 'server'>>()
    opened.push(resolve)
    const client = await openEnd(t, at, clientTls(near))
    const server = await target.next()
    return { client, server, ...(await promise) }
  }
}

for (const wires of PAIRS) {
  t.test(`${wires[0]} to ${wires[1]}`, async (t) => {
    const open = await joiner(t, wires)

    t.test('bytes pass both ways, and are counted', async () => {
      const { client, server, joined } = await open()
      client.say('question')
      t.equal((await server.read(8)).toString(), 'question')
      server.say('answer')
      t.equal((await client.read(6)).toString(), 'answer')
      t.same(joined.carried, { up: 8, down: 6 })
      client.finish()
      server.finish()
      await joined.done
    })

    t.test('what both had said before they were joined comes first', async (t) => {
      const { client, server } = await open()
      client.finish('early')
      server.finish('early too')
      t.equal((await server.rest()).toString(), 'early')
      t.equal((await client.rest()).toString(), 'early too')
    })

    t.test(
      'the client’s FIN passes alone; the server speaks on and ends when it likes',
      async (t) => {
        const { client, server, joined } = await open()
        client.finish('question')
        t.equal((await server.rest()).toString(), 'question')
        const answer = randomBytes(500_000)
        server.say(answer.subarray(0, 10))
        t.ok((await client.read(10)).equals(answer.subarray(0, 10)))
        t.notOk(client.ended, 'no FIN has come back')
        server.finish(answer.subarray(10))
        t.ok((await client.rest()).equals(answer.subarray(10)))
        t.same(await joined.done, { reason: 'client-closed', up: 8, down: 500_000 })
        t.same([await client.ending(), await server.ending()], ['clean', 'clean'])
      },
    )

    t.test(
      'the server’s FIN passes alone; the client speaks on and ends when it likes',
      async (t) => {
        const { client, server, joined } = await open()
        server.finish('greeting')
        t.equal((await client.rest()).toString(), 'greeting')
        const rest = randomBytes(500_000)
        client.say(rest.subarray(0, 10))
        t.ok((await server.read(10)).equals(rest.subarray(0, 10)))
        t.notOk(server.ended, 'no FIN has come back')
        client.finish(rest.subarray(10))
        t.ok((await server.rest()).equals(rest.subarray(10)))
        t.same(await joined.done, { reason: 'server-closed', up: 500_000, down: 8 })
        t.same([await client.ending(), await server.ending()], ['clean', 'clean'])
      },
    )

    t.test('both may end at once', async (t) => {
      const { client, server, joined } = await open()
      const [up, down] = [randomBytes(300_000), randomBytes(200_000)]
      client.finish(up)
      server.finish(down)
      t.ok((await server.rest()).equals(up))
      t.ok((await client.rest()).equals(down))
      const { reason, ...carried } = await joined.done
      t.match(reason, /^(client|server)-closed$/)
      t.same(carried, { up: 300_000, down: 200_000 })
    })

    for (const by of ['client', 'server'] as const) {
      t.test(`an RST of the ${by} arrives at the other side as one`, async (t) => {
        const { joined, ...ends } = await open()
        const [breaker, other] =
          by === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
        breaker.say('last words')
        await other.read(10)
        breaker.reset()
        t.equal(await other.ending(), 'ECONNRESET')
        const { reason, up, down } = await joined.done
        t.equal(reason, 'error:ECONNRESET')
        t.same([up, down], by === 'client' ? [10, 0] : [0, 10])
      })

      t.test(`an RST of the ${by} behind the other’s FIN arrives too`, async (t) => {
        const { joined, ...ends } = await open()
        const [breaker, other] =
          by === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
        other.finish()
        await breaker.until(() => breaker.ended)
        breaker.reset()
        await other.until(() => other.closed)
        t.not(await other.ending(), 'clean')
        t.equal(
          (await joined.done).reason,
          by === 'client' ? 'server-closed' : 'client-closed',
          'the first FIN names the reason',
        )
      })
    }

    t.test('cut ends both at once with an RST, and keeps its reason', async (t) => {
      const { client, server, joined } = await open()
      client.say('x')
      await server.read(1)
      server.say('yz')
      await client.read(2)
      joined.cut('drain')
      joined.cut('idle-timeout')
      t.same(await joined.done, { reason: 'drain', up: 1, down: 2 })
      t.same([await client.ending(), await server.ending()], ['ECONNRESET', 'ECONNRESET'])
    })

    for (const which of ['client', 'server'] as const) {
      for (const half of [
        'before any FIN',
        'behind its own peer’s FIN',
        'behind the other’s FIN',
      ]) {
        t.test(
          `a ${which} leg that is destroyed here ${half} takes the other with it`,
          async () => {
            const { client, server, joined, legs } = await open()
            client.say('x')
            await server.read(1)
            server.say('y')
            await client.read(1)
            const [own, other] = which === 'client' ? [client, server] : [server, client]
            if (half.includes('own')) {
              own.finish()
              await other.until(() => other.ended)
            } else if (half.includes('other')) {
              other.finish()
              await own.until(() => own.ended)
            }
            legs[which].destroy()
            await joined.done
            await until(() => legs.client.gone.aborted && legs.server.gone.aborted, Boolean)
            if (half.includes('own')) other.say('is anybody there?')
            if (!half.includes('other')) await other.until(() => other.closed)
          },
        )
      }
    }

    t.test('20 MB each way at once arrive whole', async (t) => {
      const { client, server, joined } = await open()
      const [up, down] = [bytesFrom('up', 20_000_000), bytesFrom('down', 20_000_000)]
      const arriving = Promise.all([hearAll(server), hearAll(client)])
      await Promise.all([sayAll(client, up), sayAll(server, down)])
      t.same(await arriving, [arrivedFrom(up), arrivedFrom(down)])
      const { up: carriedUp, down: carriedDown } = await joined.done
      t.same([carriedUp, carriedDown], [20_000_000, 20_000_000])
    })
  })
}

for (const reads of ['client', 'server'] as const) {
  t.test(
    `a ${reads} that does not read stops the other, at no cost of memory, and loses nothing`,
    async (t) => {
      const { joined, ...ends } = await (await joiner(t, ['TLSv1.3', 'TLSv1.3']))()
      const [reader, writer] =
        reads === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
      const said = bytesFrom(reads, 80_000_000)
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
      await joined.done
    },
  )
}

t.test(
  'whatever is said in whatever pieces arrives, whole and in order, and so do the ends',
  async (t) => {
    const opens = await Promise.all(PAIRS.map((wires) => joiner(t, wires)))
    const piece = fc.record({
      size: fc.oneof(fc.nat(40), fc.nat(3000), fc.nat(200_000)),
      turns: fc.nat(3),
    })
    const script = fc.array(piece, { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(script, script, fc.nat(3), async (up, down, pair) => {
        const { client, server, joined } = await (opens[pair] as () => Promise<Joined>)()
        const heard = Promise.all([hearAll(server), hearAll(client)])
        const [saidUp, saidDown] = await Promise.all([perform(client, up), perform(server, down)])
        const arrived = await heard
        t.strictSame(arrived, [arrivedFrom(saidUp), arrivedFrom(saidDown)])
        const { up: countUp, down: countDown, reason } = await joined.done
        return (
          countUp === saidUp.length &&
          countDown === saidDown.length &&
          /^(client|server)-closed$/.test(reason)
        )
      }),
      { numRuns: 60 },
    )
  },
)

t.test('idle', async (t) => {
  t.test('a session without a byte for so long is cut', async (t) => {
    const { client, server, joined } = await (await joiner(t, ['TLSv1.3', 'plain TCP'], 200))()
    const began = performance.now()
    t.equal((await joined.done).reason, 'idle-timeout')
    t.ok(performance.now() - began < 3000)
    t.same([await client.ending(), await server.ending()], ['ECONNRESET', 'ECONNRESET'])
  })

  for (const way of ['up', 'down'] as const) {
    t.test(`bytes ${way} keep it open, however few`, async (t) => {
      const { client, server, joined } = await (await joiner(t, ['TLSv1.3', 'plain TCP'], 400))()
      const began = performance.now()
      let isOpen = true
      void joined.done.then(() => {
        isOpen = false
      })
      const [writer, reader] = way === 'up' ? [client, server] : [server, client]
      while (performance.now() - began < 1200) {
        writer.say('.')
        await reader.read(1)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      t.ok(isOpen)
      t.equal((await joined.done).reason, 'idle-timeout', 'and then it ends after all')
    })
  }

  t.test('a half-closed session is no exception', async (t) => {
    const { client, server, joined } = await (await joiner(t, ['TLSv1.3', 'plain TCP'], 200))()
    client.finish('x')
    t.equal((await server.rest()).toString(), 'x')
    t.equal((await joined.done).reason, 'client-closed')
    server.say('too late')
    t.match(await server.ending(), /^(EPIPE|ECONNRESET)$/)
  })

  t.test('the timer goes with the session', async (t) => {
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const open = await joiner(t, ['plain TCP', 'plain TCP'], 3_600_000)
    const { client, server, joined } = await open()
    const during = timers()
    client.finish()
    server.finish()
    await joined.done
    await until(timers, (count) => count < during)
  })
})

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
  if (randomInt(2) === 0) await new Promise(setImmediate)
  end.finish()
  return Buffer.concat(said)
}
