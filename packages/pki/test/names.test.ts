import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { issueCertificate, makeAuthority } from '../src/certificate.ts'
import { assertHostName, withoutRepeats } from '../src/names.ts'

const issuer = makeAuthority()

function certificateFor(...names: string[]): X509Certificate {
  return new X509Certificate(issueCertificate({ issuer, commonName: 'x', names }).cert)
}

t.test('names stand in a certificate in the order given', async (t) => {
  const { subjectAltName } = certificateFor('gateway', '10.0.0.5', 'gateway.example', 'fd00::5')
  t.equal(
    subjectAltName,
    'DNS:gateway, IP Address:10.0.0.5, DNS:gateway.example, IP Address:FD00:0:0:0:0:0:0:5',
  )
})

t.test('a certificate is for its own names only', async (t) => {
  const certificate = certificateFor('gateway', '*.apps.example', '192.0.2.1')
  t.equal(certificate.checkHost('GATEWAY'), 'gateway')
  t.ok(certificate.checkHost('mail.apps.example'))
  t.equal(certificate.checkHost('apps.example'), undefined)
  t.equal(certificate.checkHost('x'), undefined, 'the common name is no name of a host')
  t.equal(certificate.checkHost('192.0.2.1'), undefined, 'an address is no DNS name')
  t.equal(certificate.checkIP('192.0.2.1'), '192.0.2.1')
  t.equal(certificate.checkIP('192.0.2.2'), undefined)
})

t.test('every spelling of an address means that address', async (t) => {
  const spellings = [
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '0:0:0:0:0:0:0:0'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['1::', '1:0:0:0:0:0:0:0'],
    ['2001:DB8::A', '2001:db8:0:0:0:0:0:a'],
    ['2001:db8:0:0:1::1', '2001:db8:0:0:1:0:0:1'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['1:2:3::5:6:7:8', '1:2:3:0:5:6:7:8'],
    ['::ffff:192.0.2.1', '0:0:0:0:0:ffff:c000:201'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0:0:0:c000:221'],
  ] as const
  for (const [written, meant] of spellings) {
    t.ok(certificateFor(written).checkIP(meant), `${written} is ${meant}`)
  }
})

t.test('an odd DNS name is issued as it is', async (t) => {
  t.equal(certificateFor('a b').subjectAltName, 'DNS:a b')
  t.equal(certificateFor('10.0.0.256').subjectAltName, 'DNS:10.0.0.256')
  t.match(certificateFor('good\0.evil').subjectAltName, /good\\u0000\.evil/)
})

t.test('no certificate holds another alphabet or a zone', async (t) => {
  t.throws(() => certificateFor('zürich.example'), { name: 'RangeError', message: /ASCII/ })
  t.throws(() => certificateFor('fe80::1%eth0'), { name: 'RangeError', message: /no IPv6 zone/ })
})

t.test('a host has a name or an address', async (t) => {
  const label = 'a'.repeat(63)
  const longest = [label, label, label, 'b'.repeat(61)].join('.')
  const hosts = ['gateway', 'GW-1.example', 'lab_gateway_1', '*.example', '10.0.0.5', '::1', label]
  for (const host of [...hosts, longest, '1.example', 'xn--zrich-kva.example']) {
    t.doesNotThrow(() => assertHostName(host), host)
  }
  const others = ['', '.', 'a.', '.a', 'a..b', '-a', 'a-', 'a b', 'a\n', 'a/b', 'a:443', '[::1]']
  const malformed = ['*', '*.', 'a.*', '*a.example', '10.0.0.256', '1.2.3', '7', 'fe80::1%eth0']
  for (const other of [
    ...others,
    ...malformed,
    `${label}a`,
    `${longest}b`,
    'zürich',
    ';40;STA1;AB',
  ]) {
    t.throws(() => assertHostName(other), { name: 'RangeError' }, JSON.stringify(other))
  }
})

t.test('a name given twice counts once', async (t) => {
  t.strictSame(
    withoutRepeats(['gateway', 'localhost', '::1', 'Gateway', '0:0::1', '10.0.0.5', '10.0.0.5']),
    ['gateway', 'localhost', '::1', '10.0.0.5'],
  )
})
