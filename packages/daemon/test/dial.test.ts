import { spawn } from 'node:child_process'
import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'
import { connect, createServer } from 'node:net'
import { createSecureContext } from 'node:tls'
import { type DialOptions, dial } from '@doublehop/daemon/dial'
import { dialContext } from '@doublehop/daemon/tls'
import { fault } from '@doublehop/errors/fault'
import t, { type Test } from 'tap'
import { type Shown, TestAuthority } from '../../../test/kit/certificates.ts'
import { EndServer } from '../../../test/kit/ends.ts'
import { freePort } from '../../../test/kit/free-port.ts'
import { LAST_FLIGHT, NOISES, noisyFront } from '../../../test/kit/noisy-front.ts'
import { until } from '../../../test/kit/wait.ts'

const AUTHORITY = new TestAuthority()
const CLIENT = AUTHORITY.issue(['client'])
const HOUR = 3_600_000

/** Dials 127.0.0.1, with TLS for this name if there is one. */
async function dialTls(port: number, serverName?: string, more: Partial<DialOptions> = {}) {
  const context = createSecureContext(CLIENT)
  const tls = serverName === undefined ? undefined : { context, serverName }
  return await dial({ host: '127.0.0.1', port }, { milliseconds: 5000, tls, ...more })
}

/** Makes every name resolve to these addresses until the test ends. */
function resolveTo(t: Test, addresses: readonly string[]): void {
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  const { lookup } = dns
  dns.lookup = (async () => all) as unknown as typeof lookup
  syncBuiltinESMExports()
  t.teardown(() => {
    dns.lookup = lookup
    syncBuiltinESMExports()
  })
}

/** Sockets of this process. */
function sockets(): number {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => /^(TCP|TLS)SocketWrap|ConnectWrap/.test(kind)).length
}

t.test('an open port', async (t) => {
  const server = await EndServer.open(t)
  const leg = await dialTls(server.at.port)
  const end = await server.next()
  t.same(leg.peer, { host: '127.0.0.1', port: server.at.port })
  t.same(leg.local, { host: '127.0.0.1', port: end.raw.remotePort })
  leg.destroy()
})

t.test('comes from the address it is told to', async (t) => {
  const server = await EndServer.open(t)
  const leg = await dialTls(server.at.port, undefined, { from: { v4: '127.0.0.9', v6: '::1' } })
  t.equal((await server.next()).raw.remoteAddress, '127.0.0.9')
  t.equal(leg.local.host, '127.0.0.9')
  leg.destroy()
})

t.test('TLS', async (t) => {
  t.test('knows the server by name or by address', async (t) => {
    const server = await EndServer.open(t, AUTHORITY.issue(['proxy', 'also.example', '127.0.0.1']))
    for (const name of ['proxy', 'also.example', '127.0.0.1']) {
      const leg = await dialTls(server.at.port, name)
      t.match(leg.peer, { host: '127.0.0.1', name: 'proxy', tls: 'TLSv1.3' }, name)
      leg.destroy()
    }
  })

  t.test('shows its own certificate', async (t) => {
    const server = await EndServer.open(t, { ...AUTHORITY.issue(['proxy']), requestCert: true })
    const leg = await dialTls(server.at.port, 'proxy')
    const { socket } = await server.next()
    t.match((socket as import('node:tls').TLSSocket).getPeerCertificate(), {
      subject: { CN: 'client' },
    })
    leg.destroy()
  })

  const now = Date.now()
  const bad: Record<string, { shown: Shown; name?: string; why: RegExp }> = {
    'a foreign name': { shown: AUTHORITY.issue(['other']), why: /proxy.+altnames.+other/i },
    'a foreign address': {
      shown: AUTHORITY.issue(['proxy']),
      name: '127.0.0.1',
      why: /127\.0\.0\.1 is not in the cert/,
    },
    'an unknown authority': {
      shown: new TestAuthority().issue(['proxy']),
      why: /unable to|self-signed/,
    },
    'a certificate past its time': {
      shown: AUTHORITY.issue(['proxy'], {
        notBefore: new Date(now - 2 * HOUR),
        notAfter: new Date(now - HOUR),
      }),
      why: /expired/,
    },
    'a certificate before its time': {
      shown: AUTHORITY.issue(['proxy'], { notBefore: new Date(now + HOUR) }),
      why: /not yet valid/,
    },
    'a certificate for clients': {
      shown: AUTHORITY.issue(['proxy'], { usages: ['clientAuth'] }),
      why: /purpose/,
    },
  }
  for (const [what, { shown, name = 'proxy', why }] of Object.entries(bad)) {
    t.test(`${what} is refused`, async (t) => {
      const server = await EndServer.open(t, shown)
      const before = sockets()
      await t.rejects(dialTls(server.at.port, name), { code: 'DH_DIAL_TLS', message: why })
      server.drop()
      await until(sockets, (count) => count <= before)
    })
  }

  t.test('an environment that says otherwise changes nothing', async (t) => {
    t.intercept(process, 'env', { value: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' } })
    t.intercept(process, 'emitWarning', { value() {} })
    const server = await EndServer.open(t, new TestAuthority().issue(['proxy']))
    await t.rejects(dialTls(server.at.port, 'proxy'), { code: 'DH_DIAL_TLS' })
  })

  t.test('an old version is refused', async (t) => {
    const old = {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const
    const server = await EndServer.open(t, { ...AUTHORITY.issue(['proxy']), ...old })
    const tls = { context: dialContext({ ca: undefined }), serverName: 'proxy' }
    const dialling = dial(server.at, { milliseconds: 5000, tls })
    await t.rejects(dialling, { code: 'DH_DIAL_TLS', message: /protocol version/ })
  })

  t.test('a port that speaks something else is told from one that is closed', async (t) => {
    for (const said of ['SSH-2.0-OpenSSH_9.2\r\n', '', '\x15\x03\x03\x00\x02\x02\x28']) {
      const server = createServer((socket) => socket.on('error', () => {}).end(said))
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve)
      })
      t.teardown(() => server.close())
      const { port } = server.address() as { port: number }
      await t.rejects(dialTls(port, 'proxy'), { code: 'DH_DIAL_TLS' }, JSON.stringify(said))
    }
  })

  t.test('a server that falls silent meets the deadline', async (t) => {
    const server = await EndServer.open(t)
    await t.rejects(dialTls(server.at.port, 'proxy', { milliseconds: 100 }), {
      code: 'DH_DIAL_TIMEOUT',
      details: { address: `127.0.0.1:${server.at.port}`, seconds: 0.1 },
    })
    const end = await server.next()
    await end.until(() => end.ended || end.closed)
  })

  for (const [what, noise] of Object.entries(NOISES)) {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const noisy = async (t: Test): Promise<number> => {
        const server = { ...AUTHORITY.issue(['proxy']), maxVersion: version }
        const { at } = await EndServer.open(t, server)
        return (await noisyFront(t, at, { noise, flight: LAST_FLIGHT[version] })).port
      }

      t.test(
        `${what} in one read with the end of a ${version} handshake that fails ends the dial, and nothing else`,
        async (t) => {
          await t.rejects(dialTls(await noisy(t), 'another name'), { code: 'DH_DIAL_TLS' })
        },
      )

      t.test(
        `${what} in one read with the end of the ${version} handshake breaks the leg, and nothing else`,
        async (t) => {
          const leg = await dialTls(await noisy(t), 'proxy')
          await until(() => leg.gone.aborted, Boolean)
          let why: string | undefined
          leg.listen({
            bytes() {},
            end() {},
            drain() {},
            close(error) {
              why = error?.code
            },
          })
          t.match(why, /^ERR_SSL/, 'who listens later learns it')
        },
      )
    }
  }

  t.test('a connection may be ended the moment it is there', async (t) => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const server = await EndServer.open(t, { ...AUTHORITY.issue(['proxy']), maxVersion: version })
      for (const way of ['reset', 'destroy', 'end'] as const) {
        const leg = await dialTls(server.at.port, 'proxy')
        leg[way]()
        if (way !== 'end') await until(() => leg.gone.aborted, Boolean)
        leg.destroy()
      }
    }
  })
})

t.test('a closed port refuses', async (t) => {
  const port = await freePort()
  await t.rejects(dialTls(port), {
    code: 'DH_DIAL_REFUSED',
    details: { address: `127.0.0.1:${port}` },
  })
  await t.rejects(dialTls(port, 'proxy'), { code: 'DH_DIAL_REFUSED' }, 'with TLS as well')
})

t.test('an address that leads nowhere is unreachable', async (t) => {
  const noRoute = dial(
    { host: '127.0.0.1', port: 1 },
    { milliseconds: 5000, from: { v4: '192.0.2.1' } },
  )
  await t.rejects(noRoute, { code: 'DH_DIAL_HOST_UNREACHABLE', message: /EADDRNOTAVAIL/ })
})

t.test('a host that does not answer meets the deadline', async (t) => {
  const port = await deafPort(t)
  const began = performance.now()
  await t.rejects(dialTls(port, undefined, { milliseconds: 200 }), { code: 'DH_DIAL_TIMEOUT' })
  t.ok(performance.now() - began < 3000)
})

t.test('a name that is not there', async (t) => {
  const dialling = dial({ host: 'nowhere.invalid', port: 1 }, { milliseconds: 5000 })
  await t.rejects(dialling, { code: 'DH_DIAL_NAME', details: { host: 'nowhere.invalid' } })
})

t.test('a name with several addresses', async (t) => {
  t.test('leads to the first that answers, and only there', async (t) => {
    const server = await EndServer.open(t)
    resolveTo(t, ['127.0.0.2', '::1', '127.0.0.1', '127.0.0.3'])
    const asked: string[] = []
    const permit = async ({ host }: { host: string }): Promise<void> => void asked.push(host)
    const leg = await dial(
      { host: 'several.invalid', port: server.at.port },
      { milliseconds: 5000, permit },
    )
    t.equal(leg.peer.host, '127.0.0.1')
    t.same(asked, ['127.0.0.2', '::1', '127.0.0.1'])
    leg.destroy()
  })

  t.test('an address that is not permitted is passed over, never dialled', async (t) => {
    const server = await EndServer.open(t)
    resolveTo(t, ['127.0.0.1', '127.0.0.1'])
    const permit = async (): Promise<void> => {
      throw fault('DH_DESTINATION_FORBIDDEN', { destination: 'here', why: 'a test' })
    }
    const dialling = dial(
      { host: 'several.invalid', port: server.at.port },
      { milliseconds: 5000, permit },
    )
    await t.rejects(dialling, { code: 'DH_DESTINATION_FORBIDDEN' })
    t.equal(server.ends.length, 0)
  })

  t.test('is asked for the fault of the last when none answers', async (t) => {
    const port = await freePort()
    resolveTo(t, ['127.0.0.2', '127.0.0.3'])
    const dialling = dial({ host: 'several.invalid', port }, { milliseconds: 5000 })
    await t.rejects(dialling, {
      code: 'DH_DIAL_REFUSED',
      details: { address: `127.0.0.3:${port}` },
    })
  })

  t.test('has one deadline for all of them', async (t) => {
    const port = await deafPort(t)
    resolveTo(t, ['127.0.0.1', '127.0.0.1', '127.0.0.1'])
    const began = performance.now()
    await t.rejects(dial({ host: 'several.invalid', port }, { milliseconds: 200 }), {
      code: 'DH_DIAL_TIMEOUT',
    })
    t.ok(performance.now() - began < 550, 'not 200 ms each')
  })

  t.test('with no address at all is an unknown name', async (t) => {
    resolveTo(t, [])
    await t.rejects(dial({ host: 'none.invalid', port: 1 }, { milliseconds: 5000 }), {
      code: 'DH_DIAL_NAME',
    })
  })
})

t.test('a signal gives up with its own reason, in every phase, and leaves no socket', async (t) => {
  const reason = fault('DH_CLIENT_GONE', { step: '6 dial' })
  const silent = await EndServer.open(t)
  const deaf = await deafPort(t)
  const before = sockets()
  const phases: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
    'while TCP connects': (signal) => dialTls(deaf, undefined, { signal }),
    'while TLS is agreed on': (signal) => dialTls(silent.at.port, 'proxy', { signal }),
    'while a name is looked up': (signal) =>
      dial({ host: 'slow.invalid', port: 1 }, { milliseconds: 5000, signal }),
  }
  for (const [phase, begin] of Object.entries(phases)) {
    for (const early of [true, false]) {
      if (phase.includes('name')) resolveNever(t)
      const controller = new AbortController()
      if (early) controller.abort(reason)
      const dialling = begin(controller.signal).catch((error) => error)
      if (!early) setTimeout(() => controller.abort(reason), 50)
      t.equal(await dialling, reason, `${phase}, ${early ? 'before' : 'after'} it began`)
    }
  }
  silent.drop()
  await until(sockets, (count) => count <= before)
})

t.test('a name without an answer', async (t) => {
  const asked: string[] = []
  const { lookup } = dns
  dns.lookup = ((host: string) => {
    asked.push(host)
    return host === 'hung' ? new Promise(() => {}) : Promise.reject(new Error('no such name'))
  }) as unknown as typeof lookup
  syncBuiltinESMExports()
  t.teardown(() => {
    dns.lookup = lookup
    syncBuiltinESMExports()
  })

  t.test('is asked for once, however many want it', async (t) => {
    const dials = Array.from({ length: 5 }, () =>
      dial({ host: 'hung', port: 1 }, { milliseconds: 50 }),
    )
    for (const one of dials) await t.rejects(one, { code: 'DH_DIAL_TIMEOUT' })
    t.same(asked.splice(0), ['hung'])
  })

  t.test('is asked for anew when the last answer is there', async (t) => {
    for (let times = 0; times < 2; times++)
      await t.rejects(dial({ host: 'gone', port: 1 }, { milliseconds: 50 }), {
        code: 'DH_DIAL_NAME',
      })
    t.same(asked.splice(0), ['gone', 'gone'])
  })

  t.test('that is given up before it fails ends nothing', async (t) => {
    const why = fault('DH_CLIENT_GONE', { step: '6 dial' })
    const signal = AbortSignal.abort(why)
    await t.rejects(dial({ host: 'gone', port: 1 }, { milliseconds: 50, signal }), why)
    await new Promise(setImmediate) // a rejection that nobody has heard would fail this test
  })
})

t.test('a permission that does not come meets the deadline', async (t) => {
  const permit = () => new Promise<void>(() => {})
  await t.rejects(dial({ host: '127.0.0.1', port: 1 }, { milliseconds: 50, permit }), {
    code: 'DH_DIAL_TIMEOUT',
  })
})

t.test('a dial that has ended leaves no timer behind', async (t) => {
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const server = await EndServer.open(t)
  const before = timers()
  const leg = await dialTls(server.at.port)
  t.equal(timers(), before)
  await t.rejects(dialTls(await freePort()))
  t.equal(timers(), before)
  leg.destroy()
})

/** Makes every name take for ever until the test ends. */
function resolveNever(t: Test): void {
  resolveTo(t, [])
  dns.lookup = (() => new Promise(() => {})) as unknown as typeof dns.lookup
  syncBuiltinESMExports()
}

/** A port of loopback whose queue is full, so that a SYN gets no answer: a process that listens and never accepts. */
async function deafPort(t: Test): Promise<number> {
  const script = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
    require('node:fs').writeSync(1, String(this.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const port = await new Promise<number>((resolve) =>
    child.stdout.once('data', (text) => resolve(Number(text))),
  )
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => {})
    t.teardown(() => socket.destroy())
    const timer = setTimeout(resolve, 300, false)
    const isOpen = await promise
    clearTimeout(timer)
    if (!isOpen) return port
  }
}
