import { once } from 'node:events'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import t, { type Test } from 'tap'
import { attempt } from '../kit/attempt.ts'
import { TestAuthority } from '../kit/certificates.ts'
import { type DoubleHop, House } from '../kit/house.ts'
import { atScale, NIGHTLY } from '../kit/nightly.ts'
import { type Offered, type ShownFiles, sslscan, testssl, unexplained } from '../kit/scanners.ts'
import { missing } from '../kit/tools.ts'
import { until } from '../kit/wait.ts'

/** TLS 1.2 with AEAD and forward secrecy, TLS 1.3, and groups of 128 bits and more that a server can afford. */
const MODERN: Offered = {
  protocols: ['TLSv1.2', 'TLSv1.3'],
  ciphers: [
    'TLSv1.3 TLS_AES_128_GCM_SHA256',
    'TLSv1.3 TLS_AES_256_GCM_SHA384',
    'TLSv1.3 TLS_CHACHA20_POLY1305_SHA256',
    'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256',
    'TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384',
    'TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305',
  ],
  groups: [
    'TLSv1.3 secp256r1 (NIST P-256)',
    'TLSv1.3 secp384r1 (NIST P-384)',
    'TLSv1.3 x25519',
    'TLSv1.2 secp256r1 (NIST P-256)',
  ],
  weaknesses: [],
}

/** Findings of testssl.sh above LOW that are as they should be, and why. */
const EXPLAINED = {
  cert_revocation: 'a certificate of the lab: its authority publishes neither CRLs nor OCSP',
  engine_problem: 'of the scanner itself: its OpenSSL has no engine for GOST',
}

/** Checks that stay short, beside what sslscan looks at: protocols, server and certificate, renegotiation. */
const SHORT = ['--protocols', '--server-defaults', '--renegotiation']

/** What testssl.sh may need where others are at work too; alone it needs a tenth. */
const PATIENCE_MILLISECONDS = atScale(240_000, 900_000)
t.setTimeout(3 * PATIENCE_MILLISECONDS)

const noSslscan = missing('sslscan')
const noTestssl = missing('testssl', 'openssl')

t.test('sslscan finds modern TLS and nothing else', { skip: noSslscan }, async (t) => {
  const { hop, shown } = await scene(t)
  t.same(await sslscan(t, hop.gateway.where()), MODERN, 'at the gateway')
  t.same(await sslscan(t, hop.proxy.where(), shown), MODERN, 'at the proxy, as a gateway')
  t.match(await sslscan(t, hop.proxy.where()), { ...MODERN, ciphers: [] }, 'and as a stranger')
  t.same((await sslscan(t, hop.storefront.where(), shown)).protocols, MODERN.protocols)
  t.same((await sslscan(t, hop.sta.where())).ciphers, MODERN.ciphers, 'at the STA')
  await goesOn(t, hop)
})

t.test('sslscan finds what is weak', { skip: noSslscan }, async (t) => {
  const offered = await sslscan(t, await weakServer(t))
  t.match(offered.protocols, ['TLSv1.0', 'TLSv1.1', 'TLSv1.2'])
  t.ok(offered.ciphers.includes('TLSv1.2 ECDHE-ECDSA-AES128-SHA'), offered.ciphers.join(', '))
})

t.test(
  'testssl.sh finds nothing above LOW at the gateway that is not explained',
  { skip: noTestssl, timeout: PATIENCE_MILLISECONDS },
  async (t) => {
    const { hop, ca } = await scene(t)
    const findings = await testssl(t, hop.gateway.where(), atScale(SHORT, []), { ca })
    t.same(unexplained(findings, EXPLAINED), [])
    t.ok(findings.length > atScale(40, 120), `${findings.length} findings`)
    t.match(
      findings.find(({ id }) => id === 'cert_chain_of_trust'),
      { severity: 'OK' },
    )
    await goesOn(t, hop)
  },
)

if (NIGHTLY) {
  t.test(
    'testssl.sh finds nothing above LOW at the proxy that is not explained',
    { skip: noTestssl, timeout: PATIENCE_MILLISECONDS },
    async (t) => {
      const { hop, ca, shown } = await scene(t)
      const findings = await testssl(t, hop.proxy.where(), [], { ca, show: shown })
      t.same(unexplained(findings, EXPLAINED), [])
      t.ok(findings.length > 100, `${findings.length} findings`)
      await goesOn(t, hop)
    },
  )
}

t.test(
  'testssl.sh finds something at a server of the last century',
  { skip: noTestssl, timeout: PATIENCE_MILLISECONDS },
  async (t) => {
    const { ca } = await scene(t)
    const findings = await testssl(t, await weakServer(t), ['--standard'], { ca })
    t.not(unexplained(findings, EXPLAINED).length, 0)
  },
)

async function scene(t: Test): Promise<{ hop: DoubleHop; ca: string; shown: ShownFiles }> {
  const house = new House(t)
  const file = (name: string): string => join(house.folder, 'certs', name)
  const shown = { certificate: file('gateway/tls.crt'), key: file('gateway/tls.key') }
  return { hop: await house.doubleHop(), ca: file('workspace/ca.crt'), shown }
}

/** Nothing of the scan is left, and the next launch is as good as any. */
async function goesOn(t: Test, { access, ticket, gateway, proxy }: DoubleHop): Promise<void> {
  t.equal((await attempt(access, await ticket())).outcome, 'connected')
  for (const daemon of [gateway, proxy]) {
    const shown = await until(
      async () => (await fetch(`http://${daemon.where('admin')}/sessions`)).json(),
      (seen) => (seen as { handshakes: unknown[] }).handshakes.length === 0,
    )
    t.match(shown, { handshakes: [] })
  }
}

/** Old TLS without forward secrecy, such as nobody of ours should be. */
async function weakServer(t: Test): Promise<string> {
  const shown = new TestAuthority().issue(['localhost', '127.0.0.1'])
  const server = createServer({
    ...shown,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.2',
    ciphers: 'ALL:@SECLEVEL=0',
  })
  server.on('secureConnection', (socket) => socket.on('error', () => {}).resume())
  t.teardown(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}
