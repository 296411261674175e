import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import t from 'tap'
import { issueCertificate, makeAuthority } from '../src/certificate.ts'
import { opensslText, opensslVerify, withoutOpenssl } from './openssl.ts'

const DAY = 24 * 3_600_000
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

const authority = makeAuthority()
const other = makeAuthority()
const issuer = authority

t.test('an authority signs certificates and no further authorities', async (t) => {
  const certificate = new X509Certificate(authority.cert)
  t.equal(certificate.subject, 'CN=doublehop lab CA')
  t.equal(certificate.issuer, 'CN=doublehop lab CA')
  t.equal(certificate.ca, true)
  t.ok(certificate.checkPrivateKey(createPrivateKey(authority.key)))
  t.ok(certificate.verify(certificate.publicKey), 'it is signed with its own key')
  const years =
    (certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / DAY / 365
  t.match(years.toFixed(1), '10.0', 'for ten years')
})

t.test('a certificate has a P-256 key, 397 days and both usages', async (t) => {
  const before = Date.now()
  const { key, cert } = issueCertificate({ issuer, commonName: 'proxy' })
  const certificate = new X509Certificate(cert)
  t.match(key, /^-----BEGIN PRIVATE KEY-----\n/)
  t.ok(certificate.checkPrivateKey(createPrivateKey(key)))
  t.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  t.equal(certificate.signatureAlgorithm, 'ecdsa-with-SHA256')
  t.equal(certificate.ca, false)
  t.equal(certificate.subject, 'CN=proxy')
  t.equal(certificate.subjectAltName, 'DNS:proxy')
  t.strictSame(certificate.keyUsage, [SERVER_AUTH, CLIENT_AUTH])
  t.equal(certificate.validToDate.getTime() - certificate.validFromDate.getTime(), 397 * DAY)
  const ahead = before - certificate.validFromDate.getTime()
  t.ok(Math.abs(ahead - 3_600_000) < 60_000, 'it begins an hour ago, for clocks that are behind')
})

t.test('a serial number is positive, of 128 bits, and each time another', async (t) => {
  const serials = Array.from({ length: 50 }, () => {
    const { cert } = issueCertificate({ issuer, commonName: 'sta' })
    return new X509Certificate(cert).serialNumber
  })
  for (const serial of serials) t.match(serial, /^[4-7][0-9A-F]{31}$/)
  t.equal(new Set(serials).size, 50)
})

t.test('openssl finds the extensions', { skip: withoutOpenssl }, async (t) => {
  const ca = opensslText(authority.cert)
  t.match(ca, 'X509v3 Basic Constraints: critical CA:TRUE, pathlen:0')
  t.match(ca, 'X509v3 Key Usage: critical Certificate Sign, CRL Sign')
  const identifier = /Subject Key Identifier: ([0-9A-F:]{59}) /.exec(ca)?.[1]
  t.ok(identifier)

  const leaf = opensslText(issueCertificate({ issuer, commonName: 'sta' }).cert)
  t.match(leaf, 'Version: 3 (0x2)')
  t.match(leaf, 'X509v3 Basic Constraints: critical CA:FALSE')
  t.match(leaf, 'X509v3 Key Usage: critical Digital Signature X509v3')
  t.match(leaf, `X509v3 Authority Key Identifier: ${identifier} `)
  t.match(leaf, /X509v3 Subject Key Identifier: [0-9A-F:]{59} /)
  t.notMatch(leaf, `Subject Key Identifier: ${identifier} `, 'which is its own')
})

t.test(
  'a key identifier is made from the point of the key',
  { skip: withoutOpenssl },
  async (t) => {
    const spki = new X509Certificate(authority.cert).publicKey.export({
      type: 'spki',
      format: 'der',
    })
    const hash = createHash('sha256').update(spki.subarray(-65)).digest('hex').toUpperCase()
    const identifier = hash.slice(0, 40).replace(/..(?!$)/g, '$&:')
    t.match(opensslText(authority.cert), `Subject Key Identifier: ${identifier} `)
  },
)

t.test(
  'openssl accepts it strictly as server and as client',
  { skip: withoutOpenssl },
  async (t) => {
    const { cert } = issueCertificate({ issuer, commonName: 'gateway', names: ['gateway', '::1'] })
    t.equal(opensslVerify(cert, authority.cert, 'sslserver'), 'OK')
    t.equal(opensslVerify(cert, authority.cert, 'sslclient'), 'OK')
  },
)

t.test('openssl refuses what must be refused', { skip: withoutOpenssl }, async (t) => {
  const refusal = (cert: string, purpose: 'sslserver' | 'sslclient' = 'sslserver') =>
    opensslVerify(cert, authority.cert, purpose)
  const long = (days: number) => new Date(Date.now() + days * DAY)

  const expired = issueCertificate({ issuer, commonName: 'x', notBefore: long(-3), days: 2 })
  t.match(refusal(expired.cert), 'certificate has expired')
  const early = issueCertificate({ issuer, commonName: 'x', notBefore: long(1) })
  t.match(refusal(early.cert), 'certificate is not yet valid')
  const foreign = issueCertificate({ issuer: other, commonName: 'x' })
  t.match(refusal(foreign.cert), 'unable to get local issuer certificate')
  const client = issueCertificate({ issuer, commonName: 'x', usages: ['clientAuth'] })
  t.equal(refusal(client.cert, 'sslclient'), 'OK')
  t.match(refusal(client.cert), /unsupported certificate purpose|unsuitable certificate purpose/)
  const below = issueCertificate({ issuer: foreign, commonName: 'x' })
  t.match(opensslVerify(below.cert, foreign.cert, 'sslserver'), 'leaf.crt: verification failed')
})

t.test('an authority can have run out too', async (t) => {
  const notBefore = new Date(Date.now() - 3 * DAY)
  const certificate = new X509Certificate(makeAuthority({ notBefore, days: 1 }).cert)
  t.ok(certificate.validToDate.getTime() < Date.now())
})

t.test('the name of an issuer is taken over byte for byte', async (t) => {
  const odd = makeAuthority({ commonName: 'Zürich, O=*@lab' })
  const { cert } = issueCertificate({ issuer: odd, commonName: 'gateway' })
  t.ok(new X509Certificate(cert).checkIssued(new X509Certificate(odd.cert)))
  t.equal(new X509Certificate(cert).issuer, new X509Certificate(odd.cert).subject)
})

t.test('dates from 2050 on are kept as well as those before', async (t) => {
  const { cert } = issueCertificate({
    issuer,
    commonName: 'x',
    notBefore: new Date('2049-12-31T23:59:59Z'),
    notAfter: new Date('9999-12-31T23:59:59Z'),
  })
  const certificate = new X509Certificate(cert)
  t.equal(certificate.validFromDate.toISOString(), '2049-12-31T23:59:59.000Z')
  t.equal(certificate.validToDate.toISOString(), '9999-12-31T23:59:59.000Z')
})

t.test('names and usages can be left out', async (t) => {
  const { cert } = issueCertificate({ issuer, commonName: 'bare', names: [], usages: [] })
  const certificate = new X509Certificate(cert)
  t.equal(certificate.subjectAltName, undefined)
  t.equal(certificate.keyUsage, undefined)
})

t.test('what no certificate can say is an error', async (t) => {
  const issue = (options: object) => () => issueCertificate({ issuer, commonName: 'x', ...options })
  t.throws(issue({ commonName: '' }), { name: 'RangeError', message: /1 to 64 characters/ })
  t.throws(issue({ commonName: 'x'.repeat(65), names: [] }), { name: 'RangeError' })
  t.throws(issue({ days: 0 }), { name: 'RangeError', message: /ends after it begins/ })
  t.throws(issue({ days: Number.NaN }), { name: 'RangeError' })
  t.throws(issue({ days: 9e9 }), { name: 'RangeError' })
  t.throws(issue({ notBefore: new Date('1949-12-31') }), { name: 'RangeError', message: /1950/ })
  t.throws(issue({ names: [''] }), { name: 'RangeError', message: /not empty/ })

  const { privateKey } = generateKeyPairSync('ed25519')
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  t.throws(issue({ issuer: { key, cert: authority.cert } }), {
    name: 'TypeError',
    message: "an issuer's key is an EC key, not ed25519",
  })
})
