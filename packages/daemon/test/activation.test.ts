import { once } from 'node:events'
import { createServer } from 'node:net'
import {
  HandedSockets,
  handedSockets,
  placeOf,
  readHandedSockets,
} from '@doublehop/daemon/activation'
import { bind } from '@doublehop/daemon/bind'
import t from 'tap'

const US = { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'listen:admin' }

t.test('what sd_listen_fds(3) says', async (t) => {
  t.test('is read, and taken out of the environment', async (t) => {
    const env = { ...US, LISTEN_PIDFDID: '7', PATH: '/bin' }
    t.same(readHandedSockets(env, 42), [
      { fd: 3, name: 'listen' },
      { fd: 4, name: 'admin' },
    ])
    t.same(env, { PATH: '/bin' })
    t.same(readHandedSockets(env, 42), [], 'and is told once')
  })

  t.test('is for nobody else, and is taken out all the same', async (t) => {
    for (const LISTEN_PID of ['43', '', '042', '42 ', undefined]) {
      const env = { ...US, LISTEN_PID }
      t.same(readHandedSockets(env, 42), [], `for ${LISTEN_PID}`)
      t.same(env, {})
    }
  })

  t.test('is nothing where it is no number', async (t) => {
    for (const LISTEN_FDS of ['', '0', '-1', '1e3', '0x2', '2 ', '99999999999', undefined])
      t.same(readHandedSockets({ ...US, LISTEN_FDS }, 42), [], `${LISTEN_FDS} sockets`)
  })

  t.test('may name fewer sockets than there are', async (t) => {
    const { LISTEN_FDNAMES: _, ...nameless } = US
    t.same(readHandedSockets({ ...nameless }, 42), [
      { fd: 3, name: '' },
      { fd: 4, name: '' },
    ])
    t.same(readHandedSockets({ ...US, LISTEN_FDS: '3' }, 42)[2], { fd: 5, name: '' })
  })
})

t.test('a listener takes the socket of its name', async (t) => {
  const sockets = new HandedSockets([
    { fd: 3, name: 'listenHttp' },
    { fd: 4, name: 'listen' },
  ])
  t.match(sockets.take('listen'), { fd: 4 })
  t.equal(sockets.take('listen'), undefined, 'once')
  t.equal(sockets.take('admin'), undefined)
  t.match(sockets.take('listenHttp'), { fd: 3 })
  t.doesNotThrow(() => sockets.noneLeft())
})

t.test('the only socket is for the first listener, if it has no name of its own', async (t) => {
  for (const name of ['', 'unknown', 'doublehop-vda.socket']) {
    const sockets = new HandedSockets([{ fd: 3, name }])
    t.match(sockets.take('echo.cgp'), { fd: 3 }, `called ${name}`)
    t.equal(sockets.take('echo.ica'), undefined)
  }
  const named = new HandedSockets([{ fd: 3, name: 'admin' }])
  t.equal(named.take('listen'), undefined)
  t.match(named.take('admin'), { fd: 3 })
  const two = new HandedSockets([
    { fd: 3, name: '' },
    { fd: 4, name: 'admin' },
  ])
  t.equal(two.take('listen'), undefined, 'which one of two without names would be a guess')
})

t.test('sockets that nobody takes are named', async (t) => {
  const sockets = new HandedSockets([
    { fd: 3, name: 'listen' },
    { fd: 4, name: 'lisen' },
    { fd: 5, name: '' },
  ])
  sockets.take('listen')
  t.throws(() => sockets.noneLeft(), {
    code: 'DH_ACTIVATION',
    message:
      /^the service manager handed over socket lisen \(fd 4\), socket without a name \(fd 5\): /,
  })
})

t.test('where a socket listens', async (t) => {
  const handed = { fd: 3, name: 'listen' }
  const anywhere = { host: '0.0.0.0', port: 443 }
  const loopback = { host: '127.0.0.1', port: 0 }
  const bound = (address: string) => ({ address, port: 8443, family: 'IPv4' })
  t.same(placeOf(handed, anywhere, bound('::')), { host: '::', port: 8443 })
  t.same(placeOf(handed, loopback, bound('127.0.0.2')), { host: '127.0.0.2', port: 8443 })
  t.same(placeOf(handed, { host: '::1', port: 0 }, bound('::1')), { host: '::1', port: 8443 })
  for (const open of ['0.0.0.0', '::', '192.0.2.1', '::ffff:192.0.2.1'])
    t.throws(
      () => placeOf(handed, loopback, bound(open)),
      { code: 'DH_ACTIVATION' },
      `not at ${open}`,
    )
  for (const odd of [null, '/run/doublehop.sock', {}])
    t.throws(() => placeOf(handed, anywhere, odd), { message: /it is no TCP socket$/ })
})

t.test('a daemon that was handed nothing opens its own socket', async (t) => {
  t.doesNotThrow(() => handedSockets.noneLeft())
  const server = createServer()
  const { port } = await bind(server, { host: '127.0.0.1', port: 0 }, 'listen')
  t.ok(port > 0)
  server.close()
  await once(server, 'close')
})
