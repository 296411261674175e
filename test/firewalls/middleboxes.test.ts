import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Joined } from '@doublehop/firewall/report/join'
import { issueCertificate } from '@doublehop/pki/certificate'
import t, { type Test } from 'tap'
import { FirewallMatrix } from '../kit/firewall-matrix.ts'
import { cannotIsolate } from '../kit/isolated-world.ts'
import { toolPath } from '../kit/tools.ts'
import { found } from '../kit/zone-agents.ts'

t.setTimeout(180_000)

const TOOLS = ['tcpdump', 'socat', 'openssl', 'python3']

t.test('somebody else in the place of a daemon', { skip: cannotIsolate(...TOOLS) }, async (t) => {
  const matrix = await FirewallMatrix.up(t, 4)
  const { world, agents } = matrix
  const nft = async (t: Test, ...lines: string[]): Promise<void> => {
    const { code, stderr } = await world.run('firewall2', ['nft', '-f', '-'], lines.join('\n'))
    t.equal(code, 0, String(stderr))
  }

  const [certificate, key] = [
    join(world.folder, 'interceptor.crt'),
    join(world.folder, 'interceptor.key'),
  ]
  /** What the checks see while somebody with this certificate stands between gateway and proxy. */
  const intercepted = async (t: Test): Promise<Joined> => {
    const listen = `OPENSSL-LISTEN:4433,fork,reuseaddr,verify=0,cert=${certificate},key=${key}`
    const socat = world.start('firewall2', [
      'socat',
      '-dd',
      listen,
      'OPENSSL:10.3.0.2:1080,verify=0',
    ])
    await socat.says(/listening on/)
    await nft(
      t,
      'add table ip bend',
      'add chain ip bend prerouting { type nat hook prerouting priority dstnat; }',
      'add rule ip bend prerouting ip saddr 10.2.0.2 tcp dport 1080 redirect to :4433',
      'insert rule inet doublehop input tcp dport 4433 accept',
    )
    const joined = await agents.check()
    await socat.stop()
    await world.routers.reset()
    t.same(found(await agents.check()), [], 'gone with it')
    return joined
  }

  await t.test('a TLS interceptor between gateway and proxy is named', async (t) => {
    execFileSync(toolPath('openssl'), [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-days', '2', '-subj', '/CN=Inspection Ltd'],
      ...['-keyout', key, '-out', certificate],
    ])
    const joined = await intercepted(t)
    t.same(found(joined), ['DH_FW_INTERCEPTED 2 gateway-proxy-1080'])
    t.match(joined.findings[0]?.sentence, /in the place of proxy: .*issued by CN=Inspection Ltd/)
  })

  await t.test('so is one that the lab’s own CA has signed for the same names', async (t) => {
    const read = (name: string): string => readFileSync(join(world.certs, name), 'utf8')
    const proxy = new X509Certificate(read('proxy/tls.crt'))
    const { subjectAltName: names = '' } = proxy
    const forged = issueCertificate({
      issuer: { cert: read('ca/ca.crt'), key: read('ca/ca.key') },
      commonName: 'proxy',
      names: names.replaceAll(/DNS:|IP Address:/g, '').split(', '),
    })
    const { subject, subjectAltName, issuer } = new X509Certificate(forged.cert)
    t.same(
      [subject, subjectAltName, issuer],
      [proxy.subject, names, proxy.issuer],
      'only its key tells it from the proxy’s',
    )
    writeFileSync(certificate, forged.cert)
    writeFileSync(key, forged.key)
    const joined = await intercepted(t)
    t.same(found(joined), ['DH_FW_INTERCEPTED 2 gateway-proxy-1080'])
    t.match(joined.findings[0]?.sentence, /in the place of proxy: another key answers: CN=proxy, /)
  })

  await t.test('a web server on the port of the STA is a wrong service', async (t) => {
    await world.stop('sta')
    const web = [
      'python3',
      '-u',
      '-m',
      'http.server',
      '8080',
      '--bind',
      '10.4.0.2',
      '-d',
      world.folder,
    ]
    const server = world.start('sta', web)
    await server.says(/Serving HTTP/)
    const joined = await agents.check()
    t.same(found(joined).toSorted(), [
      'DH_FW_WRONG_SERVICE 3 proxy-sta-8080',
      'DH_FW_WRONG_SERVICE 3 storefront-sta-8080',
    ])
    await server.stop()
  })

  await t.test('so is one that has the certificate of the STA', async (t) => {
    const file = (name: string): string => join(world.folder, 'certs/sta', name)
    const server = world.start('sta', [
      ...['openssl', 's_server', '-accept', '10.4.0.2:8080', '-www'],
      ...['-cert', file('tls.crt'), '-key', file('tls.key')],
    ])
    await server.says(/ACCEPT/)
    const joined = await agents.check()
    t.same(found(joined).toSorted(), [
      'DH_FW_WRONG_SERVICE 3 proxy-sta-8080',
      'DH_FW_WRONG_SERVICE 3 storefront-sta-8080',
    ])
    await server.stop()
    await world.restart('sta')
    t.same(found(await agents.check()), [])
  })
})
