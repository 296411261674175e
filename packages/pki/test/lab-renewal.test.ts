import { X509Certificate } from 'node:crypto'
import { copyFileSync, rmSync } from 'node:fs'
import t from 'tap'
import { issueCertificate, makeAuthority } from '../src/certificate.ts'
import { EVERY_CERTIFICATE, EVERYTHING, Lab, SERVERS } from './new-lab.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const start = Date.parse('2030-06-01T12:00:00Z')
const EVERY_LEAF = SERVERS.flatMap((server) => [`${server}/tls.crt`, `${server}/tls.key`])

/** So many days after the first run of a test. */
function day(days: number): Date {
  return new Date(start + days * DAY)
}

t.test('a certificate lasts as many days as asked', async (t) => {
  const lab = new Lab(t)
  lab.make({ now: day(0), days: 30 })
  const certificate = lab.certificate('proxy/tls.crt')
  t.equal(certificate.validFromDate.toISOString(), '2030-06-01T11:00:00.000Z')
  t.equal(certificate.validToDate.toISOString(), '2030-07-01T11:00:00.000Z')
})

t.test('a certificate is made again when less than a week of it is left', async (t) => {
  const lab = new Lab(t)
  lab.make({ now: day(0), days: 30 })
  const key = lab.read('gateway/tls.key')
  const week = day(23).getTime() - HOUR
  t.strictSame(lab.make({ now: new Date(week) }).made, [], 'a week is enough')
  t.strictSame(lab.make({ now: new Date(week + 1) }).made, EVERY_LEAF, 'a millisecond less is not')
  t.not(lab.read('gateway/tls.key'), key, 'the key is new as well')
  t.strictSame(lab.make({ now: day(23) }).made, [])
})

t.test('a certificate that is not valid yet is made again', async (t) => {
  const lab = new Lab(t)
  lab.make({ now: day(2) })
  t.strictSame(lab.make({ now: day(0) }).made, EVERY_CERTIFICATE)
})

t.test('no certificate outlives its authority, and both are renewed together', async (t) => {
  const lab = new Lab(t)
  lab.make({ now: day(0) })
  t.strictSame(lab.make({ now: day(3500) }).made, EVERY_LEAF)
  t.equal(lab.certificate('sta/tls.crt').validTo, lab.certificate('ca/ca.crt').validTo)
  t.strictSame(lab.make({ now: day(3640) }).made, [])
  t.strictSame(lab.make({ now: day(3646) }).made, EVERY_CERTIFICATE)
})

t.test('another authority renews every certificate and no secret', async (t) => {
  const lab = new Lab(t)
  lab.make()
  const authority = makeAuthority()
  lab.write('ca/ca.key', authority.key)
  lab.write('ca/ca.crt', authority.cert)
  t.strictSame(
    lab.make().made,
    EVERY_CERTIFICATE.filter((name) => !name.startsWith('ca/')),
  )
  for (const server of SERVERS) {
    t.ok(lab.certificate(`${server}/tls.crt`).verify(lab.certificate('ca/ca.crt').publicKey))
  }
  t.strictSame(lab.make().kept, EVERYTHING)
})

const STA_PAIR = ['sta/tls.crt', 'sta/tls.key']
const TOKEN_AND_DIGEST = ['storefront/token.sha256', 'workspace/token']
const harms: Record<string, { harm: (lab: Lab) => void; made: readonly string[] }> = {
  'a missing key': { harm: (lab) => rmSync(lab.path('sta/tls.key')), made: STA_PAIR },
  'a missing certificate': { harm: (lab) => rmSync(lab.path('sta/tls.crt')), made: STA_PAIR },
  'an empty key': { harm: (lab) => lab.write('sta/tls.key', ''), made: STA_PAIR },
  'half a certificate': {
    harm: (lab) => lab.write('sta/tls.crt', lab.read('sta/tls.crt').slice(0, 300)),
    made: STA_PAIR,
  },
  'the key of another': {
    harm: (lab) => copyFileSync(lab.path('proxy/tls.key'), lab.path('sta/tls.key')),
    made: STA_PAIR,
  },
  'the certificate of another role': {
    harm: (lab) => {
      copyFileSync(lab.path('proxy/tls.key'), lab.path('sta/tls.key'))
      copyFileSync(lab.path('proxy/tls.crt'), lab.path('sta/tls.crt'))
    },
    made: STA_PAIR,
  },
  'a first name that is not the own one': {
    harm: (lab) => {
      const issuer = { key: lab.read('ca/ca.key'), cert: lab.read('ca/ca.crt') }
      const names = ['gateway', 'sta', 'localhost', '127.0.0.1', '::1']
      const { key, cert } = issueCertificate({ issuer, commonName: 'sta', names })
      lab.write('sta/tls.key', key)
      lab.write('sta/tls.crt', cert)
    },
    made: STA_PAIR,
  },
  'a signature that is not true': {
    harm: (lab) => {
      const der = lab.certificate('sta/tls.crt').raw
      der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1)
      lab.write('sta/tls.crt', new X509Certificate(der).toString())
    },
    made: STA_PAIR,
  },
  'the name of another authority as issuer': {
    harm: (lab) => {
      const other = makeAuthority({ commonName: 'another CA' })
      const issuer = { key: lab.read('ca/ca.key'), cert: other.cert }
      const names = ['sta', 'localhost', '127.0.0.1', '::1']
      const { key, cert } = issueCertificate({ issuer, commonName: 'sta', names })
      lab.write('sta/tls.key', key)
      lab.write('sta/tls.crt', cert)
    },
    made: STA_PAIR,
  },
  'a missing folder': {
    harm: (lab) => rmSync(lab.path('workspace'), { recursive: true }),
    made: ['storefront/token.sha256', 'workspace/ca.crt', 'workspace/token'],
  },
  'a missing copy of the authority': {
    harm: (lab) => rmSync(lab.path('sta/ca.crt')),
    made: ['sta/ca.crt'],
  },
  'another authority among the copies': {
    harm: (lab) => lab.write('sta/ca.crt', makeAuthority().cert),
    made: ['sta/ca.crt'],
  },
  'an authority without its key': {
    harm: (lab) => rmSync(lab.path('ca/ca.key')),
    made: EVERY_CERTIFICATE,
  },
  'an end entity in place of the authority': {
    harm: (lab) => {
      copyFileSync(lab.path('sta/tls.key'), lab.path('ca/ca.key'))
      copyFileSync(lab.path('sta/tls.crt'), lab.path('ca/ca.crt'))
    },
    made: EVERY_CERTIFICATE,
  },
  'a missing token': { harm: (lab) => rmSync(lab.path('workspace/token')), made: TOKEN_AND_DIGEST },
  'a token too short': {
    harm: (lab) => lab.write('workspace/token', 'c2hvcnQ\n'),
    made: TOKEN_AND_DIGEST,
  },
  'a token in another spelling': {
    harm: (lab) => lab.write('workspace/token', `${lab.read('workspace/token').trim()}=\n`),
    made: TOKEN_AND_DIGEST,
  },
  'the digest of another token': {
    harm: (lab) => lab.write('storefront/token.sha256', `${'0'.repeat(64)}\n`),
    made: ['storefront/token.sha256'],
  },
  'a missing grant key': {
    harm: (lab) => rmSync(lab.path('proxy/grant.key')),
    made: ['proxy/grant.key'],
  },
}

for (const [what, { harm, made }] of Object.entries(harms)) {
  t.test(`${what} is mended and nothing else is touched`, async (t) => {
    const lab = new Lab(t)
    lab.make()
    const before = lab.snapshot()
    harm(lab)
    t.strictSame(lab.make().made, made)
    const changed = [...lab.snapshot()].filter(([name, text]) => text !== before.get(name))
    const kept = [...before.keys()].filter((name) => !made.includes(name))
    for (const [name] of changed) t.notOk(kept.includes(name), name)
    t.strictSame(lab.make().kept, EVERYTHING, 'and all is well again')
  })
}

t.test('a service key lost on one side is taken from the other', async (t) => {
  const lab = new Lab(t)
  lab.make()
  const serviceKey = lab.read('sta/service.key')
  for (const side of ['sta', 'storefront']) {
    rmSync(lab.path(`${side}/service.key`))
    t.strictSame(lab.make().made, [`${side}/service.key`])
    t.equal(lab.read(`${side}/service.key`), serviceKey)
  }
})

t.test('of two service keys the one at the STA counts', async (t) => {
  const lab = new Lab(t)
  lab.make()
  const serviceKey = lab.read('sta/service.key')
  copyFileSync(lab.path('proxy/grant.key'), lab.path('storefront/service.key'))
  t.strictSame(lab.make().made, ['storefront/service.key'])
  t.equal(lab.read('storefront/service.key'), serviceKey)
})
