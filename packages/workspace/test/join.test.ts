import { PassThrough, Writable } from 'node:stream'
import { join } from '@doublehop/workspace/join'
import t, { type Test } from 'tap'
import { acceptedLeg } from '../../../test/kit/legs.ts'
import { settled } from '../../../test/kit/settled.ts'
import { arrivedFrom, bytesFrom, hearAll } from '../../../test/kit/transfer.ts'
import { until } from '../../../test/kit/wait.ts'

/** A session joined to streams that a test writes to and reads from; `server` is its other end. */
async function joined(t: Test, output = new PassThrough()) {
  const { leg, end: server } = await acceptedLeg(t, 'TLSv1.3')
  const input = new PassThrough()
  return { leg, server, input, output, done: join(leg, input, output) }
}

t.test(
  'the input goes to the server, what it says to the output, and both ends are passed on',
  async (t) => {
    const { server, input, output, done } = await joined(t)
    const heard = collect(output)
    input.write('question')
    t.equal((await server.read(8)).toString(), 'question')
    server.say('answer')
    await until(() => heard.length, Boolean)
    input.end('?')
    t.equal((await server.rest()).toString(), '?')
    server.finish('!')
    t.same(await done, { up: 9, down: 7 })
    t.equal(Buffer.concat(heard).toString(), 'answer!')
    t.notOk(output.writableEnded, 'standard output is not ours to end')
  },
)

t.test('what the server says behind the end of the input is written out', async (t) => {
  const { server, input, output, done } = await joined(t)
  const heard = collect(output)
  input.end()
  await server.until(() => server.ended)
  const said = bytesFrom('late', 3_000_000)
  server.finish(said)
  t.same(await done, { up: 0, down: said.length })
  t.same(arrivedFrom(Buffer.concat(heard)), arrivedFrom(said))
})

t.test('the server’s end ends it, though somebody may still type', async (t) => {
  const { server, input, done } = await joined(t)
  server.finish('bye')
  await server.until(() => server.ended)
  input.write('anybody?')
  t.same(await done, { up: 0, down: 3 })
  t.equal(input.listenerCount('data'), 0)
  t.ok(input.isPaused(), 'nothing keeps the process from ending')
})

t.test('an input in full flow does not turn the server’s end into an error', async (t) => {
  for (let round = 0; round < 20; round++) {
    const { server, input, done } = await joined(t)
    const piece = Buffer.alloc(1000, 'x')
    const flow = setInterval(() => input.write(piece), 0)
    server.onBytes = () => {}
    await new Promise((resolve) => setTimeout(resolve, 5))
    server.finish('bye')
    try {
      t.match(await done, { down: 3 })
    } finally {
      clearInterval(flow)
    }
  }
})

t.test('what came before it was joined is written out and counted', async (t) => {
  const { leg, end: server } = await acceptedLeg(t, 'TLSv1.3')
  server.finish('early')
  await until(
    () => leg.received,
    (count) => count === 5,
  )
  const output = new PassThrough()
  t.same(await join(leg, new PassThrough().end(), output), { up: 0, down: 5 })
  t.equal(String(output.read()), 'early')
})

t.test('a slow output stops the server, and gets everything', async (t) => {
  const heard: Buffer[] = []
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const output = new Writable({
    async write(chunk, _, done) {
      await gate
      heard.push(chunk)
      done()
    },
  })
  const { leg, server, input, done } = await joined(t, output as PassThrough)
  const said = bytesFrom('slow', 50_000_000)
  server.finish(said)
  const held = await settled(() => leg.received)
  t.ok(held < 1_000_000, `${held} bytes were taken from it`)
  release()
  input.end()
  await done
  await new Promise<void>((resolve) => output.end(resolve))
  t.same(arrivedFrom(Buffer.concat(heard)), arrivedFrom(said))
})

t.test('a slow server stops the input, and gets everything', async (t) => {
  const { server, input, done } = await joined(t)
  server.socket.pause()
  const said = bytesFrom('up', 50_000_000)
  let at = 0
  const feed = (): void => {
    while (at < said.length) {
      const takes = input.write(said.subarray(at, at + 65_536))
      at += 65_536
      if (!takes) return void input.once('drain', feed)
    }
    input.end()
  }
  feed()
  await until(() => input.isPaused(), Boolean)
  t.ok(at < said.length, `${at} bytes were taken`)
  const heard = hearAll(server)
  server.socket.resume()
  t.same(await heard, arrivedFrom(said))
  server.finish()
  t.same(await done, { up: said.length, down: 0 })
})

t.test('a session that breaks is an error', async (t) => {
  const { server, input, done } = await joined(t)
  input.write('x')
  await server.read(1)
  server.reset()
  await t.rejects(done, { code: 'DH_PEER_RESET', details: { what: 'the session' } })
  t.equal(input.listenerCount('data'), 0)
})

t.test('an output that nobody reads any more ends the session', async (t) => {
  const { server, output, done } = await joined(t)
  server.say('x')
  await until(() => output.readableLength, Boolean)
  output.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  t.equal(await server.ending(), 'ECONNRESET')
  t.same(await done, { up: 0, down: 1 })
})

function collect(output: PassThrough): Buffer[] {
  const heard: Buffer[] = []
  output.on('data', (bytes: Buffer) => heard.push(bytes))
  return heard
}
