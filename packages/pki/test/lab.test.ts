import { createPrivateKey } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tokenDigest } from '../src/secrets.ts'
import { EVERYTHING, Lab, SERVERS } from './new-lab.ts'
import { opensslVerify, withoutOpenssl } from './openssl.ts'

t.test('a first run makes everything', async (t) => {
  const lab = new Lab(t)
  t.strictSame(lab.make(), { folder: lab.folder, made: EVERYTHING, kept: [] })
  const found = readdirSync(lab.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(lab.folder.length + 1))
  t.strictSame(found.sort(), ['.lock', ...EVERYTHING], 'and nothing else')
  t.strictSame(readdirSync(lab.path('vda')), [])
})

t.test('a second run keeps everything', async (t) => {
  const lab = new Lab(t)
  lab.make()
  const before = lab.snapshot()
  t.strictSame(lab.make(), { folder: lab.folder, made: [], kept: EVERYTHING })
  t.strictSame(lab.snapshot(), before)
})

t.test('every server has a certificate in its own name', async (t) => {
  const lab = new Lab(t)
  lab.make()
  const authority = lab.certificate('ca/ca.crt')
  for (const server of SERVERS) {
    const certificate = lab.certificate(`${server}/tls.crt`)
    t.equal(certificate.subject, `CN=${server}`)
    t.equal(
      certificate.subjectAltName,
      `DNS:${server}, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1`,
    )
    t.ok(certificate.verify(authority.publicKey))
    t.ok(certificate.checkPrivateKey(createPrivateKey(lab.read(`${server}/tls.key`))))
    t.equal(lab.read(`${server}/ca.crt`), lab.read('ca/ca.crt'))
  }
  t.equal(lab.read('workspace/ca.crt'), lab.read('ca/ca.crt'))
})

t.test('openssl accepts every certificate of the lab', { skip: withoutOpenssl }, async (t) => {
  const lab = new Lab(t)
  lab.make({ names: { gateway: ['gateway.example', '2001:db8::1'] } })
  for (const server of SERVERS) {
    const [cert, authority] = [lab.read(`${server}/tls.crt`), lab.read('ca/ca.crt')]
    t.equal(opensslVerify(cert, authority, 'sslserver'), 'OK', `${server} as server`)
    t.equal(opensslVerify(cert, authority, 'sslclient'), 'OK', `${server} as client`)
  }
})

t.test('what is secret is shared only where it must be', async (t) => {
  const lab = new Lab(t)
  lab.make()
  const token = lab.read('workspace/token')
  const serviceKey = lab.read('sta/service.key')
  const grantKey = lab.read('proxy/grant.key')
  for (const secret of [token, serviceKey, grantKey]) t.match(secret, /^[\w-]{43}\n$/)
  t.equal(new Set([token, serviceKey, grantKey]).size, 3)
  t.equal(lab.read('storefront/service.key'), serviceKey)
  t.equal(lab.read('storefront/token.sha256'), `${tokenDigest(token.trim())}\n`)
  t.match(lab.read('storefront/token.sha256'), /^[0-9a-f]{64}\n$/)
})

t.test('every file ends with one line feed', async (t) => {
  const lab = new Lab(t)
  lab.make()
  for (const [name, text] of lab.snapshot()) t.match(text, /[^\n]\n$/, name)
})

t.test('more names can be asked for, and stay', async (t) => {
  const lab = new Lab(t)
  lab.make()
  const names = { gateway: ['gw_1.example', '*.gw.example', '10.1.0.2', 'GATEWAY', '2001:DB8::A'] }
  t.strictSame(lab.make({ names }).made, ['gateway/tls.crt', 'gateway/tls.key'])
  t.equal(
    lab.certificate('gateway/tls.crt').subjectAltName,
    'DNS:gateway, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, ' +
      'DNS:gw_1.example, DNS:*.gw.example, IP Address:10.1.0.2, IP Address:2001:DB8:0:0:0:0:0:A',
  )
  t.strictSame(lab.make({ names }).made, [], 'asked for again')
  t.strictSame(lab.make().made, [], 'asked for no longer')
  t.strictSame(lab.make({ names: { sta: ['10.1.0.3'] } }).made, ['sta/tls.crt', 'sta/tls.key'])
  t.strictSame(
    lab.make({ names: { gateway: ['a.gw.example'] } }).made,
    ['gateway/tls.crt', 'gateway/tls.key'],
    'a wildcard does not stand for a name that is asked for',
  )
})

t.test('what cannot be done stops a run before it touches the disk', async (t) => {
  const lab = new Lab(t)
  const misspelt = { name: 'RangeError', message: /"10\.0\.0\.256"/ }
  t.throws(() => lab.make({ names: { sta: ['10.0.0.256'] } }), misspelt)
  t.throws(() => lab.make({ days: 0 }), { name: 'RangeError', message: /not 0/ })
  t.throws(() => lab.make({ days: Number.NaN }), { name: 'RangeError' })
  t.throws(() => readdirSync(lab.folder), { code: 'ENOENT' })
})
