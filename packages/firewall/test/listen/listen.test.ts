import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { freePort } from '../../../../test/kit/free-port.ts'
import { until } from '../../../../test/kit/wait.ts'
import type { Arrival } from '../../src/check/result.ts'
import {
  DATAGRAM_BYTES,
  datagram,
  nonceLine,
  readAnswer,
  readGreeting,
} from '../../src/listen/language.ts'
import { type ListenLimits, openListeners } from '../../src/listen/listen.ts'
import type { Place } from '../../src/listen/places.ts'

const NONCE = '0123456789abcdef0123456789abcdef'

t.test(
  'a connection is greeted with the source that was seen, and told with its nonce',
  async (t) => {
    const { place, told } = await listening(t)
    const socket = connect(place.port, place.address)
    const [line] = (await once(socket, 'data')) as [Buffer]
    const port = socket.localPort
    t.same(readGreeting(line.toString()), { address: '127.0.0.1', port })
    socket.end(nonceLine(NONCE))
    const [arrival] = await until(
      () => told,
      ({ length }) => length > 0,
    )
    t.match(arrival, {
      protocol: 'tcp',
      at: `127.0.0.1:${place.port}`,
      from: `127.0.0.1:${port}`,
      state: 'connected',
      nonce: NONCE,
    })
  },
)

t.test('a connection without a nonce is told too, once', async (t) => {
  const { listeners, place, told } = await listening(t)
  const socket = connect(place.port, place.address)
  await once(socket, 'data')
  await until(
    () => told,
    ({ length }) => length > 0,
  )
  socket.end(nonceLine(NONCE))
  await until(
    () => listeners.arrivals,
    ([first]) => first?.nonce === NONCE,
  )
  t.equal(told.length, 1)
  t.notOk(told[0]?.nonce, 'its nonce came after it had been told')
})

t.test(
  'a datagram is answered with its nonce, and with no byte more than it brought',
  async (t) => {
    const { place, told } = await listening(t, 'udp')
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    t.teardown(() => socket.close())
    await once(socket, 'listening')
    for (const bytes of ['hello', nonceLine(NONCE), datagram(nonceLine(NONCE))])
      socket.send(bytes, place.port, place.address)
    const [reply] = (await once(socket, 'message')) as [Buffer]
    t.same(readAnswer(reply.toString(), NONCE), {
      address: '127.0.0.1',
      port: socket.address().port,
    })
    t.ok(reply.length <= DATAGRAM_BYTES)
    await until(
      () => told,
      ({ length }) => length === 3,
    )
    t.same(
      told.map(({ nonce }) => nonce),
      [undefined, NONCE, NONCE],
      'all three are told, and only the one of full length was answered',
    )
  },
)

t.test('a port in use, and an address of another host, are told and are no error', async (t) => {
  const daemon = createServer().listen(0, '127.0.0.1')
  t.teardown(() => void daemon.close())
  await once(daemon, 'listening')
  const { port } = daemon.address() as { port: number }
  const places = ['127.0.0.1', '192.0.2.1', '2001:db8::1'].map((address) => ({
    ...{ protocol: 'tcp' as const, address, port, name: 'proxy' },
  }))
  const listeners = await openListeners(places)
  t.teardown(() => listeners.close())
  t.same(
    listeners.places.map(({ state }) => state),
    ['daemon there', 'on another host', 'on another host'],
  )
})

t.test('of too many connections from one source the last are told and cut', async (t) => {
  const { place, told } = await listening(t, 'tcp', { perSource: 2 })
  const greeted = [connect(place.port, place.address), connect(place.port, place.address)]
  await Promise.all(greeted.map((one) => once(one, 'data')))
  t.notOk(await greets(place), 'the third is not')
  await until(
    () => told,
    ({ length }) => length > 0,
  )
  for (const one of greeted) one.destroy()
  await until(
    () => greets(place),
    (greeting) => greeting,
  )
})

t.test('a visitor that says nothing, or says no command, is sent away', async (t) => {
  const { place } = await listening(t, 'tcp', { patience: 300 })
  const silent = connect({ port: place.port, host: place.address })
  await ended(silent)
  const wild = connect({ port: place.port, host: place.address })
  wild.write('GET / HTTP/1.1\r\n\r\n')
  await ended(wild)
  const long = connect({ port: place.port, host: place.address })
  long.write('x'.repeat(5000))
  await ended(long)
  t.pass('all three have ended')
})

t.test('of too many arrivals the oldest are given up, and counted', async (t) => {
  const { listeners, place } = await listening(t, 'tcp', { arrivals: 3 })
  const ports: number[] = []
  for (let i = 0; i < 5; i++) {
    const socket = connect(place.port, place.address)
    await once(socket, 'data')
    ports.push(socket.localPort ?? 0)
    socket.destroy()
  }
  t.same(
    listeners.arrivals.map(({ from }) => from),
    ports.slice(2).map((port) => `127.0.0.1:${port}`),
  )
  t.equal(listeners.givenUp, 2)
})

function greets({ port, address }: Place): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, address)
  socket
    .on('error', () => {})
    .on('data', () => resolve(true))
    .on('close', () => resolve(false))
  return promise.finally(() => socket.destroy())
}

async function ended(socket: Socket): Promise<void> {
  socket.on('error', () => {}).resume()
  await once(socket, 'close')
}

async function listening(
  t: Test,
  protocol: 'tcp' | 'udp' = 'tcp',
  limits: Partial<ListenLimits> = {},
) {
  const place: Place = { protocol, address: '127.0.0.1', port: await freePort(), name: 'proxy' }
  const told: Arrival[] = []
  const listeners = await openListeners([place], {
    onArrival: (arrival) => told.push(arrival),
    limits,
  })
  t.teardown(() => listeners.close())
  t.equal(listeners.places[0]?.state, 'listening')
  return { listeners, place, told }
}
