import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import * as tls from 'node:tls'
import t from 'tap'
import { type Credential, issueCertificate, makeAuthority } from '../src/certificate.ts'

const DAY = 24 * 3_600_000
const issuer = makeAuthority()
const gateway = issueCertificate({ issuer, commonName: 'gateway' })
const proxy = issueCertificate({ issuer, commonName: 'proxy', names: ['proxy', '127.0.0.1'] })

interface Meeting {
  server?: Credential
  client?: Credential | undefined
  /** The name by which the client knows the server. */
  as?: string
  version?: tls.SecureVersion
}

/** A client and a server shake hands on loopback, and each tells what it thinks of the other. */
async function meet(meeting: Meeting) {
  const { server = proxy, as = 'proxy', version = 'TLSv1.3' } = meeting
  const client = 'client' in meeting ? meeting.client : gateway
  // Not refusing by itself, so that either side gets as far as giving its reason.
  const both = {
    ca: issuer.cert,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  }
  const listener = tls.createServer({ ...server, ...both, requestCert: true })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const dialled = tls.connect({
    ...client,
    ...both,
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(as, certificate),
  })
  const [[accepted]] = await Promise.all([
    once(listener, 'secureConnection') as Promise<[tls.TLSSocket]>,
    once(dialled, 'secureConnect'),
  ])
  const verdicts = { ofServer: opinion(accepted), ofClient: opinion(dialled) }
  dialled.destroy()
  accepted.destroy()
  listener.close()
  await once(listener, 'close')
  return verdicts
}

function opinion(socket: tls.TLSSocket): string {
  if (socket.authorized) return `this is ${String(socket.getPeerCertificate().subject.CN)}`
  // The declarations say Error; what is there is its code.
  return String(socket.authorizationError)
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(`gateway and proxy recognise each other in ${version}`, async (t) => {
    const agreed = { ofServer: 'this is gateway', ofClient: 'this is proxy' }
    t.strictSame(await meet({ version }), agreed)
    t.strictSame(await meet({ version, as: '127.0.0.1' }), agreed, 'by address as well')
  })
}

t.test('a server under another name is not believed', async (t) => {
  const { ofClient } = await meet({ as: 'sta' })
  t.equal(ofClient, 'ERR_TLS_CERT_ALTNAME_INVALID')
})

t.test('a client without a certificate is not believed', async (t) => {
  const { ofServer } = await meet({ client: undefined })
  t.equal(ofServer, 'UNABLE_TO_GET_ISSUER_CERT')
})

t.test('certificates of another authority of the same name are not believed', async (t) => {
  const stranger = issueCertificate({ issuer: makeAuthority(), commonName: 'proxy' })
  t.strictSame(await meet({ server: stranger, client: stranger }), {
    ofServer: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ofClient: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  })
})

t.test('certificates out of their time are not believed', async (t) => {
  const past = new Date(Date.now() - 3 * DAY)
  const expired = issueCertificate({ issuer, commonName: 'proxy', notBefore: past, days: 2 })
  t.strictSame(await meet({ server: expired, client: expired }), {
    ofServer: 'CERT_HAS_EXPIRED',
    ofClient: 'CERT_HAS_EXPIRED',
  })
  const future = new Date(Date.now() + DAY)
  const early = issueCertificate({ issuer, commonName: 'proxy', notBefore: future })
  t.strictSame(await meet({ server: early, client: early }), {
    ofServer: 'CERT_NOT_YET_VALID',
    ofClient: 'CERT_NOT_YET_VALID',
  })
})

t.test('a certificate serves only the purpose it has', async (t) => {
  const client = issueCertificate({ issuer, commonName: 'proxy', usages: ['clientAuth'] })
  t.strictSame(await meet({ server: client, client }), {
    ofServer: 'this is proxy',
    ofClient: 'INVALID_PURPOSE',
  })
  const server = issueCertificate({ issuer, commonName: 'proxy', usages: ['serverAuth'] })
  t.strictSame(await meet({ server, client: server }), {
    ofServer: 'INVALID_PURPOSE',
    ofClient: 'this is proxy',
  })
})

t.test('an end entity cannot act as authority', async (t) => {
  const below = issueCertificate({ issuer: gateway, commonName: 'proxy' })
  const chain = { key: below.key, cert: below.cert + gateway.cert }
  const { ofServer, ofClient } = await meet({ server: chain, client: chain })
  // OpenSSL has a reason for which Node has no code, so it may be any but not none.
  t.notMatch(ofServer, 'this is')
  t.notMatch(ofClient, 'this is')
})
