import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { issueCertificate, makeAuthority } from '../src/certificate.ts'
import { makeRevocationList } from '../src/revocation.ts'
import { withoutOpenssl } from './openssl.ts'

const issuer = makeAuthority()
const good = issueCertificate({ issuer, commonName: 'good' })
const bad = issueCertificate({ issuer, commonName: 'bad' })

/** What openssl says of a certificate, with this list beside its authority. */
function verify(t: Test, cert: string, list: string): string {
  const cwd = t.testdir({ 'ca.crt': issuer.cert, 'leaf.crt': cert, 'list.pem': list })
  const files = ['-CAfile', 'ca.crt', '-CRLfile', 'list.pem', 'leaf.crt']
  const strictly = ['verify', '-x509_strict', '-crl_check_all', '-no-CApath', '-no-CAstore']
  const run = spawnSync('openssl', [...strictly, ...files], { cwd, encoding: 'utf8' })
  return run.stdout + run.stderr
}

t.test('openssl takes a list at its word', { skip: withoutOpenssl }, async (t) => {
  const list = makeRevocationList({ issuer, revoked: [bad.cert] })
  t.match(verify(t, good.cert, list), /^leaf\.crt: OK\n/)
  t.match(verify(t, bad.cert, list), /certificate revoked/)
  t.match(verify(t, bad.cert, makeRevocationList({ issuer, revoked: [] })), /^leaf\.crt: OK\n/)
})

t.test('a list ends, and is its authority’s own', { skip: withoutOpenssl }, async (t) => {
  const thisUpdate = new Date(Date.now() - 7_200_000)
  const nextUpdate = new Date(Date.now() - 3_600_000)
  const old = makeRevocationList({ issuer, revoked: [], thisUpdate, nextUpdate })
  t.match(verify(t, good.cert, old), /CRL has expired/)
  const others = makeRevocationList({ issuer: makeAuthority(), revoked: [] })
  t.match(verify(t, good.cert, others), /error/)
})

t.test('openssl shows all that was said', { skip: withoutOpenssl }, async (t) => {
  const thisUpdate = new Date('2030-01-02T03:04:05Z')
  const list = makeRevocationList({ issuer, revoked: [bad.cert], thisUpdate })
  const file = join(t.testdir({ 'list.pem': list }), 'list.pem')
  const args = ['crl', '-in', file, '-noout', '-text', '-nameopt', 'RFC2253']
  const { stdout } = spawnSync('openssl', args, { encoding: 'utf8' })
  t.match(stdout, /Version 2 \(0x1\)/)
  t.match(stdout, /Signature Algorithm: ecdsa-with-SHA256/)
  t.match(stdout, /Issuer: CN=doublehop lab CA/)
  t.match(stdout, /Last Update: Jan {2}2 03:04:05 2030 GMT/)
  t.match(stdout, /Next Update: Feb {2}1 03:04:05 2030 GMT/)
  t.match(stdout, new RegExp(`Serial Number: ${new X509Certificate(bad.cert).serialNumber}`))
  t.match(stdout, /X509v3 CRL Number/)
  t.match(stdout, /X509v3 Authority Key Identifier/)
})
