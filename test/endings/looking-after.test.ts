import { setTimeout as delay } from 'node:timers/promises'
import type { Leg } from '@doublehop/daemon/leg'
import { type Splice, splice } from '@doublehop/daemon/splice'
import t, { type Test } from 'tap'
import { WIRES, type Wire } from '../kit/certificates.ts'
import { type End, EndServer, openEnd } from '../kit/ends.ts'
import { clientTls, dialLeg, LEGS, listenForLegs, serverTls } from '../kit/legs.ts'
import { settled } from '../kit/settled.ts'
import { arrivedFrom, bytesFrom, hearAll, sayAll } from '../kit/transfer.ts'
import { until } from '../kit/wait.ts'

const LOOK_MILLISECONDS = 20
const MUCH = bytesFrom('much', 80_000_000)

/** A client and a server in a test's hands, our legs, and our splice between them. */
interface Joined {
  readonly client: End
  readonly server: End
  readonly legs: { readonly client: Leg; readonly server: Leg }
  readonly joined: Splice
}

async function join(t: Test, wire: Wire, look = LOOK_MILLISECONDS): Promise<Joined> {
  const target = await EndServer.open(t, serverTls(wire))
  const { promise: accepted, resolve } = Promise.withResolvers<Leg>()
  const { at } = await listenForLegs(t, wire, resolve)
  const client = await openEnd(t, at, clientTls(wire))
  const legs = { client: await accepted, server: await dialLeg(t, wire, target.at) }
  const joined = splice(legs.client, legs.server, undefined, look)
  return { client, server: await target.next(), legs, joined }
}

for (const wire of WIRES) {
  for (const [kind, open] of Object.entries(LEGS)) {
    t.test(`${kind} leg over ${wire} that is not read from`, async (t) => {
      const { leg, end } = await open(t, wire)
      leg.listen({ bytes() {}, end() {}, drain() {}, close() {} })
      // Behind a TLS handshake there may be session tickets, and a failure to write those takes the error with it.
      end.say('x')
      await until(() => leg.received, Boolean)
      leg.write(Buffer.from('y'))
      await end.read(1)
      leg.pause()
      t.notOk(leg.isLost, 'has its peer')
      end.reset()
      await until(() => leg.isLost, Boolean)
      t.notOk(leg.gone.aborted, 'and Node has not heard of the reset')
      leg.resume()
      await until(() => leg.gone.aborted, Boolean)
      t.notOk(leg.isLost, 'what is closed here is not lost')
    })
  }

  t.test(`a splice over ${wire} looks after its sides`, async (t) => {
    t.test('and lets go of one that has said all and is gone, without a reset', async (t) => {
      for (const by of ['client', 'server'] as const) {
        const { joined, legs, ...ends } = await join(t, wire)
        const [one, other] =
          by === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
        one.finish('all')
        await other.until(() => other.ended)
        one.reset()
        t.match(await joined.done, { reason: `${by}-closed` })
        await until(() => legs.client.gone.aborted && legs.server.gone.aborted, Boolean)
        t.equal(other.heard.toString(), 'all')
        t.notOk(other.closed, 'the other end has seen its FIN and no more')
        while (!other.closed) {
          other.say('is anybody there?')
          await delay(5)
        }
        t.match(other.error?.code, /^(ECONNRESET|EPIPE)$/, 'until it says something')
      }
    })

    t.test('and what it had said arrives whole, however slowly it is read', async (t) => {
      for (const size of [500_000, 12_000_000]) {
        const { client, server, legs, joined } = await join(t, wire)
        const said = MUCH.subarray(0, size)
        const heard: Buffer[] = []
        // The server reads until the client’s last byte is in our hands, and rests then.
        server.onBytes = (bytes) => {
          heard.push(bytes)
          if (legs.client.received === size) server.socket.pause()
        }
        client.finish(said)
        await until(
          () => legs.client.received,
          (count) => count === size,
        )
        server.socket.pause()
        client.reset()
        await until(() => legs.client.isLost || legs.client.gone.aborted, Boolean)
        await delay(10 * LOOK_MILLISECONDS)
        server.onBytes = (bytes) => void heard.push(bytes)
        server.socket.resume()
        await server.until(() => server.ended || server.closed)
        t.same(arrivedFrom(Buffer.concat(heard)), arrivedFrom(said))
        t.ok(server.ended, 'with the FIN behind it')
        t.equal((await joined.done).reason, 'client-closed')
      }
    })

    t.test('and hears of a reset behind what it is holding back', async (t) => {
      for (const by of ['client', 'server'] as const) {
        const { joined, ...ends } = await join(t, wire)
        const [one, other] =
          by === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
        other.socket.pause()
        let taken = 0
        void sayAll(one, MUCH, (count) => {
          taken = count
        })
        await settled(() => taken)
        t.ok(taken < MUCH.length, 'it is held back')
        one.reset()
        t.equal((await joined.done).reason, 'error:ECONNRESET')
      }
    })

    t.test('and takes whoever is merely quiet, or slow, for what it is', async (t) => {
      const { client, server, joined } = await join(t, wire, 1)
      const slow = await join(t, wire, 1)
      let isOpen = true
      for (const { done } of [joined, slow.joined])
        void done.then(() => {
          isOpen = false
        })
      client.finish('question')
      await server.until(() => server.ended)
      slow.server.socket.pause()
      let taken = 0
      const saying = sayAll(slow.client, MUCH, (count) => {
        taken = count
      })
      await settled(() => taken, 500)
      t.ok(isOpen, 'hundreds of looks later')
      server.finish('answer')
      t.equal((await client.rest()).toString(), 'answer')
      t.match(await joined.done, { reason: 'client-closed', up: 8, down: 6 })
      const arriving = hearAll(slow.server)
      slow.server.socket.resume()
      t.same(await arriving, arrivedFrom(MUCH))
      await saying
      slow.server.finish()
      t.match(await slow.joined.done, { reason: 'client-closed', up: MUCH.length })
    })

    t.test('and what both have ended while one was held back is no loss', async (t) => {
      const { client, server, legs, joined } = await join(t, wire)
      server.finish('bye')
      await client.until(() => client.ended)
      server.socket.pause()
      // Stuck for as long as the server does not read; so much the kernels take from the client at once.
      legs.client.pause()
      const said = MUCH.subarray(0, 50_000)
      client.finish(said)
      t.equal(await client.ending(), 'clean', 'the client is done, and nothing of it has been read')
      await until(() => legs.client.gone.aborted, Boolean)
      t.equal((await joined.done).up, said.length)
      const arriving = hearAll(server)
      server.socket.resume()
      t.same(await arriving, arrivedFrom(said))
    })
  })
}

t.test('a splice that is over looks no more', async (t) => {
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const { client, server, joined } = await join(t, 'plain TCP', 3_600_000)
  const during = timers()
  client.finish()
  server.finish()
  await joined.done
  await until(timers, (count) => count < during)
})
