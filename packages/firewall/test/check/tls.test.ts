import { createHash, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { inFiles, type Shown, TestAuthority } from '../../../../test/kit/certificates.ts'
import { temporaryFolder } from '../../../../test/kit/house.ts'
import { probeOf } from '../../../../test/kit/probe-of.ts'
import type { Observation } from '../../src/check/observation.ts'
import { observe } from '../../src/check/observe.ts'
import type { ProbeTls } from '../../src/check/plan.ts'

const ours = new TestAuthority()
const theirs = new TestAuthority()
const proxy = ours.issue(['proxy'])
const { ca } = inFiles(proxy)
const YESTERDAY = { notBefore: new Date(Date.now() - 172_800_000), days: 1 }

async function listening(t: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A server that shows this certificate and takes a SOCKS greeting. */
async function shows(t: Test, shown: Shown, more: TlsOptions = {}): Promise<number> {
  const server = createTlsServer({ ...shown, ...more }, (socket) =>
    socket.on('error', () => {}).once('data', () => socket.write(Uint8Array.of(5, 2))),
  )
  return await listening(t, server)
}

function spkiOf({ cert }: Shown): string {
  const der = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('base64')
}

async function see(port: number, tls: ProbeTls): Promise<Observation> {
  return await observe(probeOf({ port, speaks: 'socks', tls }), { timeoutMilliseconds: 3000 })
}

const expected: ProbeTls = { serverName: 'proxy', ca, spki: spkiOf(proxy) }

t.test('the expected key over TLS 1.2 or 1.3 is open', async (t) => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const seen = await see(await shows(t, proxy, { maxVersion: version }), expected)
    t.match(seen, { observed: 'open' })
    t.match(seen.layers[1], { result: 'pass', note: `${version}, the expected key` })
  }
})

t.test('without a hash in the plan, chain and name have to do', async (t) => {
  t.match(await see(await shows(t, proxy), { serverName: 'proxy', ca }), { observed: 'open' })
  t.match(await see(await shows(t, proxy), { ca }), { observed: 'open' }, 'of any name')
})

t.test('another authority is interception, and who answers is named', async (t) => {
  const middle = await shows(t, theirs.issue(['proxy']))
  const named = { observed: 'intercepted', note: /CN=proxy, issued by CN=test CA$/ }
  t.match(await see(middle, expected), named)
  const unhashed = { observed: 'intercepted', note: /its chain does not hold .*CN=test CA$/ }
  t.match(await see(middle, { serverName: 'proxy', ca }), unhashed)
  t.match(await see(middle, { serverName: 'proxy' }), {
    observed: 'intercepted',
    note: /names no CA/,
  })
  const seen = await see(middle, expected)
  t.match(seen.layers, [
    { result: 'pass' },
    { layer: 'tls', result: 'fail' },
    { layer: 'socks', result: 'skip' },
  ])
})

t.test('another key with a good chain may be a renewed certificate', async (t) => {
  const seen = await see(await shows(t, ours.issue(['proxy'])), expected)
  t.match(seen, { observed: 'intercepted', note: /or its certificate was renewed since the plan/ })
})

t.test('the certificate of another daemon of ours is a wrong service', async (t) => {
  const other = await shows(t, ours.issue(['storefront']))
  const note = 'the certificate of storefront is shown, not of proxy'
  t.match(await see(other, expected), { observed: 'wrong-service', note })
  t.match(await see(other, { serverName: 'proxy', ca }), { observed: 'wrong-service', note })
})

t.test('a certificate that ran out is no interception, unless a stranger signed it', async (t) => {
  const old = ours.issue(['proxy'], YESTERDAY)
  const ran = { observed: 'unknown', note: /ran out/ }
  t.match(await see(await shows(t, old), { ...expected, spki: spkiOf(old) }), ran)
  t.match(await see(await shows(t, old), { serverName: 'proxy', ca }), ran)
  const strange = await shows(t, theirs.issue(['proxy'], YESTERDAY))
  t.match(await see(strange, { serverName: 'proxy', ca }), { observed: 'intercepted' })
})

t.test('the expected key is enough where no CA is known', async (t) => {
  const seen = await see(await shows(t, proxy), { serverName: 'proxy', spki: spkiOf(proxy) })
  t.match(seen, { observed: 'open' })
})

t.test('TLS that is too old is told by its alert', async (t) => {
  const ciphers = 'DEFAULT@SECLEVEL=0'
  const old = await shows(t, proxy, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers })
  t.match(await see(old, expected), {
    observed: 'unknown',
    note: /^TLS alert from there: .*protocol version$/,
  })
})

t.test('a file of the plan that cannot be read is told before anybody is blamed', async (t) => {
  const missing = join(temporaryFolder(), 'tls.crt')
  const port = await shows(t, proxy)
  const unread = { observed: 'unknown', note: /tls\.crt.*ENOENT/ }
  t.match(await see(port, { ...expected, certificate: missing, key: missing }), unread)
  writeFileSync(missing, 'no certificate')
  t.match(await see(port, { ...expected, ca: missing }), { observed: 'unknown', note: /tls\.crt/ })
})

t.test('who closes, resets or says nothing when TLS begins is a wrong service', async (t) => {
  const closing = await listening(
    t,
    createServer((socket) => socket.once('data', () => socket.end())),
  )
  const resetting = await listening(
    t,
    createServer((socket) => socket.once('data', () => socket.resetAndDestroy())),
  )
  const silent = await listening(
    t,
    createServer((socket) => t.teardown(() => socket.destroy())),
  )
  const wrong = (note: RegExp) => ({ observed: 'wrong-service', note })
  t.match(await see(closing, expected), wrong(/^open, but closed as soon as TLS begins$/))
  t.match(await see(resetting, expected), wrong(/^open, but reset as soon as TLS begins$/))
  t.match(await see(silent, expected), wrong(/^open, but says nothing to TLS$/))
})

t.test('a name that leads elsewhere, or nowhere, ends it there', async (t) => {
  const port = await shows(t, proxy)
  const named = async (host: string, to: string): Promise<Observation> =>
    await observe(probeOf({ port, host, to, speaks: 'socks', tls: expected }), {
      timeoutMilliseconds: 3000,
    })
  t.match(await named('localhost', '127.0.0.1'), {
    observed: 'open',
    layers: [{ layer: 'name', result: 'pass' }],
  })
  t.match(await named('localhost', '127.0.0.9'), {
    observed: 'unknown',
    note: /^localhost leads to .*, not to 127\.0\.0\.9$/,
    layers: [
      { layer: 'name', result: 'fail' },
      { result: 'skip' },
      { result: 'skip' },
      { result: 'skip' },
    ],
    ports: [],
  })
  t.match(await named('no-such-name.invalid', '127.0.0.1'), {
    observed: 'unknown',
    note: /no-such-name/,
  })
})
