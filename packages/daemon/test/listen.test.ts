import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import type { Leg } from '@doublehop/daemon/leg'
import { type Listener, type ListenOptions, listen } from '@doublehop/daemon/listen'
import type { Fault } from '@doublehop/errors/fault'
import { concat } from '@doublehop/wire/conversation'
import { parseNetwork } from '@doublehop/wire/ip'
import { encodeProxyHeader } from '@doublehop/wire/proxy-protocol'
import t, { type Test } from 'tap'
import { type Shown, TestAuthority } from '../../../test/kit/certificates.ts'
import { End, openEnd } from '../../../test/kit/ends.ts'
import { exchange } from '../../../test/kit/session.ts'
import { until } from '../../../test/kit/wait.ts'

const AUTHORITY = new TestAuthority()
const SERVER = AUTHORITY.issue(['localhost', '127.0.0.1'])
const CLIENT = AUTHORITY.issue(['gateway', 'localhost'])
const STRANGER = new TestAuthority().issue(['gateway'])
const MUTUAL = { ...SERVER, requestCert: true, rejectUnauthorized: true }
const LOOPBACK = network('127.0.0.0/8')

/** A listener under test, and all it has told. */
interface Watched extends Listener {
  readonly legs: Leg[]
  readonly failures: (Fault & { readonly from?: string })[]
}

async function watch(t: Test, options: Partial<ListenOptions> = {}): Promise<Watched> {
  const legs: Leg[] = []
  const failures: Fault[] = []
  const listener = await listen({
    on: { host: '127.0.0.1', port: 0 },
    handshakeMilliseconds: 5000,
    keep: 65_536,
    connections: 100,
    onLeg(leg, handshake) {
      handshake.finish()
      legs.push(leg)
    },
    onFailure: (failure, peer) => void failures.push(Object.assign(failure, { from: peer.host })),
    ...options,
  })
  t.teardown(() => {
    listener.stop()
    for (const leg of legs) leg.destroy()
  })
  return Object.assign(listener, { legs, failures })
}

function network(text: string) {
  const parsed = parseNetwork(text)
  if (parsed === undefined) throw new Error(text)
  return parsed
}

/** TLS as this client does it, whatever the server says to it. */
async function handshake(
  t: Test,
  { at }: Watched,
  shown?: Shown,
  more: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connectTls({ ...at, ca: AUTHORITY.ca, servername: 'localhost', ...shown, ...more })
  socket.on('error', () => {}).resume()
  t.teardown(() => socket.destroy())
  await new Promise<void>((resolve) => {
    socket.once('secureConnect', resolve).once('close', () => resolve())
  })
  return socket
}

t.test('TLS', async (t) => {
  t.test('hands over what is open, and counts what is on its way', async (t) => {
    const listener = await watch(t, { tls: SERVER })
    const silent = await openEnd(t, listener.at)
    await until(
      () => listener.handshakes.count,
      (count) => count === 1,
    )
    await handshake(t, listener)
    await until(() => listener.legs.length, Boolean)
    t.match(listener.handshakes.toJSON(), [{}])
    silent.destroy()
    await until(
      () => listener.handshakes.count,
      (count) => count === 0,
    )
    t.equal(listener.failures.length, 1)
  })

  const wrong: Record<string, { say: (end: End) => void; why: RegExp; milliseconds?: number }> = {
    'says nothing': { say: () => {}, milliseconds: 150, why: /not finished within 0\.15 s/ },
    'drips a ClientHello': {
      say: (end) => drip(t, end),
      milliseconds: 250,
      why: /not finished within 0\.25 s/,
    },
    'speaks HTTP': { say: (end) => end.say('GET / HTTP/1.1\r\n\r\n'), why: /http request/ },
    'speaks SOCKS': {
      say: (end) => end.say(Buffer.of(5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
      why: /SSL|TLS|version|packet/,
    },
    'makes noise': {
      say: (end) => end.say(Buffer.alloc(100_000, 0xa5)),
      why: /SSL|TLS|version|packet/,
    },
    'ends at once': { say: (end) => end.destroy(), why: /closed the connection|ECONNRESET/ },
    'resets at once': { say: (end) => end.reset(), why: /ECONNRESET|closed the connection/ },
  }
  for (const [what, { say, why, milliseconds = 5000 }] of Object.entries(wrong)) {
    t.test(`who ${what} is told of once and ended`, async (t) => {
      const listener = await watch(t, { tls: SERVER, handshakeMilliseconds: milliseconds })
      const end = await openEnd(t, listener.at)
      say(end)
      await until(() => listener.failures.length, Boolean)
      t.match(listener.failures[0], { code: 'DH_TLS_HANDSHAKE', message: why, from: '127.0.0.1' })
      await end.until(() => end.ended || end.closed)
      await until(
        () => listener.handshakes.count,
        (count) => count === 0,
      )
      t.same([listener.legs.length, listener.failures.length], [0, 1])
    })
  }

  t.test('a client that must show a certificate and does not is refused', async (t) => {
    const shown = {
      'none at all': undefined,
      'one of a stranger': STRANGER,
      'one past its time': AUTHORITY.issue(['gateway'], {
        notBefore: new Date(Date.now() - 7_200_000),
        notAfter: new Date(Date.now() - 3_600_000),
      }),
      'one for servers': AUTHORITY.issue(['gateway'], { usages: ['serverAuth'] }),
    }
    for (const [what, certificate] of Object.entries(shown)) {
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const listener = await watch(t, { tls: MUTUAL })
        const socket = await handshake(
          t,
          listener,
          certificate && { ...certificate, ca: AUTHORITY.ca },
          { maxVersion: version },
        )
        await until(() => socket.closed, Boolean)
        await until(() => listener.failures.length, Boolean)
        t.match(listener.failures, [{ code: 'DH_TLS_HANDSHAKE' }], `${what}, ${version}`)
        t.equal(listener.legs.length, 0)
      }
    }
  })

  t.test('an old version is refused', async (t) => {
    const listener = await watch(t, { tls: { ...SERVER, minVersion: 'TLSv1.2' } })
    await handshake(t, listener, undefined, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    await until(() => listener.failures.length, Boolean)
    t.match(listener.failures[0]?.message, /version|protocol/)
  })

  t.test('a new certificate is shown to new connections; old ones stay', async (t) => {
    const listener = await watch(t, { tls: SERVER })
    const before = await handshake(t, listener)
    const renewed = AUTHORITY.issue(['localhost'])
    listener.renew({ tls: renewed })
    const after = await handshake(t, listener)
    const shown = (socket: TLSSocket) => socket.getPeerX509Certificate()?.serialNumber
    t.not(shown(after), shown(before))
    await until(
      () => listener.legs.length,
      (count) => count === 2,
    )
    const [first] = listener.legs as [Leg, Leg]
    const back = exchange(first, Buffer.from('still here'))
    const heard: Buffer[] = []
    before.on('data', (bytes: Buffer) => heard.push(bytes)).on('end', () => before.end())
    await back
    t.equal(Buffer.concat(heard).toString(), 'still here')
  })

  t.test('a leg may be ended the moment it is there', async (t) => {
    for (const way of ['reset', 'destroy', 'end'] as const) {
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const ended = Promise.withResolvers<void>()
        const listener = await watch(t, {
          tls: SERVER,
          onLeg(leg) {
            leg[way]()
            ended.resolve()
            t.teardown(() => leg.destroy())
          },
        })
        await handshake(t, listener, undefined, { maxVersion: version })
        await ended.promise
      }
    }
  })
})

t.test('who stands at the other end', async (t) => {
  const peerOf = async (
    t: Test,
    shown: Shown | undefined,
    tls: object,
    more: ConnectionOptions = {},
  ) => {
    const listener = await watch(t, { tls: { ...SERVER, ...tls } })
    await handshake(t, listener, shown, more)
    await until(() => listener.legs.length, Boolean)
    return listener.legs[0]?.peer
  }
  const optional = { requestCert: true, rejectUnauthorized: false }

  t.test('is named by the first DNS name of its certificate', async (t) => {
    const names: Record<string, [names: string[], name: string | undefined]> = {
      'one name': [['gateway'], 'gateway'],
      'several names': [['first', 'second'], 'first'],
      'capital letters': [['GateWay.Example'], 'gateway.example'],
      'an address before it': [['10.0.0.1', 'gateway'], 'gateway'],
      'addresses alone': [['10.0.0.1'], undefined],
      'no name': [[], undefined],
      'a wildcard, which is nobody’s name': [['*.example', 'gateway'], 'gateway'],
      'a name that holds a list': [['x, DNS:proxy', 'gateway'], 'gateway'],
      'a name that holds a list in the middle': [['x, DNS:proxy, y', 'gateway'], 'gateway'],
      'a name that ends a string': [['x", DNS:proxy, "', 'gateway'], 'gateway'],
    }
    for (const [what, [given, name]] of Object.entries(names)) {
      const shown = AUTHORITY.issue(given, { commonName: 'common' })
      t.equal((await peerOf(t, shown, MUTUAL))?.name, name, what)
    }
  })

  t.test(
    'where certificates are optional: a good one names it, a bad one or none does not',
    async (t) => {
      t.match(await peerOf(t, CLIENT, optional), { name: 'gateway', tls: 'TLSv1.3' })
      t.equal((await peerOf(t, { ...STRANGER, ca: AUTHORITY.ca }, optional))?.name, undefined)
      t.equal((await peerOf(t, undefined, optional))?.name, undefined)
      t.equal(
        (await peerOf(t, CLIENT, {}))?.name,
        undefined,
        'and where none is asked for it has none',
      )
    },
  )

  t.test('is the same one when it resumes its TLS session', async (t) => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const [shown, name] of [
        [CLIENT, 'gateway'],
        [{ ...STRANGER, ca: AUTHORITY.ca }, undefined],
      ] as const) {
        const listener = await watch(t, {
          tls: { ...SERVER, ...optional, sessionIdContext: 'test' },
        })
        let session: Buffer | undefined
        const first = await handshake(t, listener, shown, { maxVersion: version })
        session = first.getSession()
        first.on('session', (ticket) => {
          session = ticket
        })
        await until(() => listener.legs.length, Boolean)
        await until(() => session, Boolean)
        await new Promise(setImmediate)
        const again = await handshake(t, listener, shown, {
          maxVersion: version,
          ...(session && { session }),
        })
        await until(
          () => listener.legs.length,
          (count) => count === 2,
        )
        t.same(
          listener.legs.map(({ peer }) => peer.name),
          [name, name],
          `${version}, resumed: ${again.isSessionReused()}`,
        )
      }
    }
  })
})

t.test('behind a load balancer', async (t) => {
  const client = { host: '203.0.113.7', port: 4711 }
  const header = encodeProxyHeader(client, { host: '192.0.2.1', port: 443 })
  const balanced = { proxyProtocolFrom: [LOOPBACK] }

  t.test('the client is who the header tells, whatever pieces it comes in', async (t) => {
    for (const size of [header.length + 5, 1]) {
      const listener = await watch(t, balanced)
      const end = await openEnd(t, listener.at)
      const said = concat(header, Buffer.from('hello'))
      for (let at = 0; at < said.length; at += size) {
        end.say(said.subarray(at, at + size))
        await new Promise(setImmediate)
      }
      await until(() => listener.legs.length, Boolean)
      const [leg] = listener.legs as [Leg]
      t.match(leg.peer, client)
      const back = exchange(leg, Buffer.from('bye'))
      end.finish()
      t.equal((await back).toString(), 'hello')
      t.equal((await end.rest()).toString(), 'bye')
    }
  })

  t.test('TLS follows, in the same read or later', async (t) => {
    for (const later of [false, true]) {
      const listener = await watch(t, { tls: MUTUAL, ...balanced })
      const raw = connect({ ...listener.at, allowHalfOpen: true })
      await new Promise<void>((resolve) => raw.once('connect', resolve))
      raw.write(header)
      if (later) await new Promise((resolve) => setTimeout(resolve, 50))
      const secure = connectTls({ socket: raw, ...CLIENT, servername: 'localhost' })
      const end = new End(raw, secure)
      t.teardown(() => end.destroy())
      await until(() => listener.legs.length, Boolean)
      const [leg] = listener.legs as [Leg]
      t.match(leg.peer, { ...client, name: 'gateway', tls: 'TLSv1.3' })
      const said = Buffer.alloc(300_000, 'x')
      const back = exchange(leg, Buffer.from('bye'))
      end.finish(said)
      t.ok((await back).equals(said))
      t.equal((await end.rest()).toString(), 'bye')
    }
  })

  t.test('header and the whole of TLS in one read', async (t) => {
    const listener = await watch(t, { tls: SERVER, ...balanced })
    const raw = connect({ ...listener.at, allowHalfOpen: true })
    await new Promise<void>((resolve) => raw.once('connect', resolve))
    // A ClientHello taken from a client that talks to nobody, so that it can be glued to the header.
    const hello = await clientHello(t)
    raw.write(concat(header, hello))
    const answer = await new Promise<Buffer>((resolve) => raw.once('data', resolve))
    t.equal(answer[0], 0x16, 'the server answers with its own hello')
    raw.destroy()
  })

  t.test('one that speaks for itself is itself', async (t) => {
    const listener = await watch(t, balanced)
    const end = await openEnd(t, listener.at)
    end.say(Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'))
    await until(() => listener.legs.length, Boolean)
    t.match(listener.legs[0]?.peer, { host: '127.0.0.1', port: end.raw.localPort })
  })

  const wrong: Record<string, [say: (end: End) => void, code: string, milliseconds?: number]> = {
    'with TLS and no header': [
      (end) => end.say(Buffer.from('1603010200010001fc0303aabbccddee', 'hex')),
      'DH_PROXY_HEADER',
    ],
    'with noise': [(end) => end.say(Buffer.alloc(70_000, 1)), 'DH_PROXY_HEADER'],
    'with version 1': [(end) => end.say('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n'), 'DH_PROXY_HEADER'],
    'with an endless header': [
      (end) => end.say(Buffer.from('0d0a0d0a000d0a515549540a2111ffff', 'hex')),
      'DH_PROXY_HEADER',
    ],
    'with nothing': [() => {}, 'DH_HANDSHAKE_DEADLINE', 100],
    'with half a header and an end': [
      (end) => end.finish(header.subarray(0, 20)),
      'DH_PEER_CLOSED',
    ],
  }
  for (const [what, [say, code, milliseconds = 5000]] of Object.entries(wrong)) {
    t.test(`a balancer that comes ${what} is refused`, async (t) => {
      for (const tls of [SERVER, undefined]) {
        const listener = await watch(t, { tls, ...balanced, handshakeMilliseconds: milliseconds })
        const end = await openEnd(t, listener.at)
        say(end)
        await until(() => listener.failures.length, Boolean)
        t.match(listener.failures, [{ code, from: '127.0.0.1' }])
        await end.until(() => end.ended || end.closed)
        t.equal(listener.legs.length, 0)
      }
    })
  }

  t.test('header and TLS have one deadline together, and are counted as one', async (t) => {
    const listener = await watch(t, { tls: SERVER, ...balanced, handshakeMilliseconds: 1500 })
    const end = await openEnd(t, listener.at)
    await until(
      () => listener.handshakes.count,
      (count) => count === 1,
    )
    await new Promise((resolve) => setTimeout(resolve, 1000))
    end.say(header)
    const said = performance.now()
    await until(() => listener.failures.length, Boolean)
    t.ok(performance.now() - said < 1490, 'what the header took is gone')
    t.match(listener.failures, [{ code: 'DH_TLS_HANDSHAKE', from: client.host }])
    t.equal(listener.handshakes.count, 0)
  })

  t.test('stopping ends who has not finished', async (t) => {
    const listener = await watch(t, { tls: SERVER, ...balanced })
    const [silent, named] = [await openEnd(t, listener.at), await openEnd(t, listener.at)]
    named.say(header)
    await until(
      () => listener.handshakes,
      (shown) => JSON.stringify(shown).includes('203.0.113.7'),
    )
    listener.stop()
    for (const end of [silent, named]) await end.until(() => end.ended || end.closed)
    await until(
      () => listener.handshakes.count,
      (count) => count === 0,
    )
    t.match(listener.failures, [{ code: 'DH_DRAINING' }, { code: 'DH_DRAINING' }])
  })

  t.test('a header of somebody who is not listed is noise', async (t) => {
    const elsewhere = { proxyProtocolFrom: [network('192.0.2.0/24')] }
    const secure = await watch(t, { tls: SERVER, ...elsewhere })
    const end = await openEnd(t, secure.at)
    end.say(header)
    await until(() => secure.failures.length, Boolean)
    t.match(secure.failures, [{ code: 'DH_TLS_HANDSHAKE', from: '127.0.0.1' }])

    const plain = await watch(t, elsewhere)
    const other = await openEnd(t, plain.at)
    other.say(header)
    await until(
      () => plain.legs[0]?.received,
      (count) => count === header.length,
    )
    t.equal(plain.legs[0]?.peer.host, '127.0.0.1')
  })
})

t.test('a port that is taken, and an address that is not ours, are named as such', async (t) => {
  const { at } = await watch(t)
  const address = `127.0.0.1:${at.port}`
  await t.rejects(watch(t, { on: at }), {
    code: 'DH_LISTEN',
    details: { address, why: 'the port is taken' },
  })
  await t.rejects(watch(t, { on: { host: '192.0.2.1', port: 0 } }), {
    code: 'DH_LISTEN',
    details: { why: 'this host has no such address' },
  })
})

t.test('more connections than allowed are closed at accept, until one has gone', async (t) => {
  for (const tls of [undefined, SERVER]) {
    const listener = await watch(t, { connections: 2, tls })
    const open = () => openEnd(t, listener.at, tls && { ca: AUTHORITY.ca })
    const [first] = [await open(), await open()]
    await until(
      () => listener.legs.length,
      (count) => count === 2,
    )
    const third = await openEnd(t, listener.at)
    await third.until(() => third.ended || third.closed)
    t.equal(listener.legs.length, 2)
    first?.destroy()
    listener.legs[0]?.destroy()
    await until(
      async () => {
        const next = await openEnd(t, listener.at)
        await new Promise((resolve) => setTimeout(resolve, 20))
        return next.ended || next.closed ? 'closed' : 'open'
      },
      (state) => state === 'open',
    )
  }
})

t.test('what stops listening keeps what is open', async (t) => {
  const listener = await watch(t)
  const end = await openEnd(t, listener.at)
  await until(() => listener.legs.length, Boolean)
  listener.stop()
  listener.stop()
  await t.rejects(openEnd(t, listener.at), { code: 'ECONNREFUSED' })
  const back = exchange(listener.legs[0] as Leg, Buffer.from('bye'))
  end.finish('still')
  t.equal((await back).toString(), 'still')
})

t.test(
  'a connection that was reset before anybody saw it is gone, though it had much to say',
  async (t) => {
    const listener = await watch(t)
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
    await until(sockets, (count) => count === 0)
    const script = `const socket = require('node:net').connect(${listener.at.port}, '127.0.0.1', () => {
    socket.write(Buffer.alloc(300_000))
    setTimeout(() => socket.resetAndDestroy(), 50)
  })`
    // It runs while this process can accept nothing.
    t.equal(spawnSync(process.execPath, ['-e', script]).status, 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const end = await openEnd(t, listener.at)
    await until(() => listener.legs.some(({ peer }) => peer.port === end.raw.localPort), Boolean)
    end.destroy()
    for (const leg of listener.legs) leg.destroy()
    await until(sockets, (count) => count === 0)
  },
)

/** Sends the beginning of a handshake, a byte now and then. */
function drip(t: Test, end: End): void {
  const hello = Buffer.from('16030102000100', 'hex')
  let at = 0
  const timer = setInterval(() => end.say(hello.subarray(at, ++at)), 20)
  t.teardown(() => clearInterval(timer))
}

/** The first flight of a TLS client. */
async function clientHello(t: Test): Promise<Buffer> {
  const { createServer } = await import('node:net')
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  const server = createServer((socket) => socket.once('data', resolve).on('error', () => {}))
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening)
  })
  const { port } = server.address() as { port: number }
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: AUTHORITY.ca,
  }).on('error', () => {})
  const hello = await promise
  socket.destroy()
  server.close()
  t.ok(hello.length > 100)
  return hello
}
