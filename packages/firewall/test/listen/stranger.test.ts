import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { freePort } from '../../../../test/kit/free-port.ts'
import { COMMANDS, commandLine, SEGMENT_BYTES } from '../../src/deep/language.ts'
import { Talk } from '../../src/deep/talk.ts'
import { openListeners } from '../../src/listen/listen.ts'

const NONCE = '0123456789abcdef0123456789abcdef'
const MS = 3000

t.test('nothing is given that was not earned: not a byte, not twice', async (t) => {
  const greedy = await visit(t)
  await greedy.write(commandLine({ what: 'give', bytes: 1 }), MS)
  await ends(greedy)

  const twice = await visit(t)
  await twice.write(commandLine({ what: 'take', bytes: 100 }), MS)
  t.equal(await twice.line(MS, 32), 'go')
  await twice.write(new Uint8Array(100), MS)
  t.equal(await twice.line(MS, 32), 'took 100')
  await twice.write(commandLine({ what: 'give', bytes: 100 }), MS)
  t.equal((await twice.bytes(100, MS)).length, 100)
  await twice.write(commandLine({ what: 'give', bytes: 1 }), MS)
  await ends(twice)
})

t.test('bytes come back only as they are sent', async (t) => {
  const talk = await visit(t)
  await talk.write(commandLine({ what: 'bytes', bytes: 1_000_000 }), MS)
  t.equal(await talk.line(MS, 32), 'go')
  await talk.write(new Uint8Array(10), MS)
  talk.socket.end()
  t.equal((await talk.bytes(10, MS)).length, 10)
  t.match(await talk.line(MS, 96), /^came 10 [0-9a-f]{64} \d+$/)
  await ends(talk)
})

t.test('a visitor has so many lines, and then it is over', async (t) => {
  const talk = await visit(t)
  for (let said = 0; said < COMMANDS; said++) {
    await talk.write(commandLine({ what: 'echo', nonce: NONCE }), MS)
    t.equal(await talk.line(MS, 96), `echo ${NONCE}`)
  }
  await ends(talk)
})

t.test('who sends without end, and reads nothing, is cut off', async (t) => {
  const talk = await visit(t, 300)
  await talk.write(commandLine({ what: 'take', bytes: SEGMENT_BYTES }), MS)
  const { socket } = talk
  const flood = setInterval(() => socket.writable && socket.write(new Uint8Array(100_000)), 5)
  await new Promise((resolve) => socket.once('close', resolve))
  clearInterval(flood)
  t.pass('cut')
})

t.test('who wants to wait may wait, and is cut off when it does not come back', async (t) => {
  const talk = await visit(t, 100)
  await talk.write(commandLine({ what: 'wait', seconds: 1 }), MS)
  t.equal(await talk.line(MS, 32), 'ready')
  await new Promise((resolve) => setTimeout(resolve, 1000)) // ten times what patience allows
  await talk.write(commandLine({ what: 'echo', nonce: NONCE }), MS)
  t.equal(await talk.line(MS, 96), `echo ${NONCE}`)
})

async function visit(t: Test, patience = 10_000): Promise<Talk> {
  const place = {
    protocol: 'tcp',
    address: '127.0.0.1',
    port: await freePort(),
    name: 'x',
  } as const
  const listeners = await openListeners([place], { limits: { patience } })
  const socket = connect({ port: place.port, host: place.address, allowHalfOpen: true })
  socket.on('error', () => {})
  t.teardown(async () => {
    socket.destroy()
    await listeners.close()
  })
  await once(socket, 'connect')
  const talk = new Talk(socket)
  t.match(await talk.line(MS, 96), /^doublehop listen 1 from /)
  return talk
}

/** The far end's end, without another byte. */
async function ends(talk: Talk): Promise<void> {
  const more = await talk.some(MS).catch((error) => error.how)
  if (more !== 'ended' && more !== 'reset') throw new Error(`it goes on: ${more}`)
}
