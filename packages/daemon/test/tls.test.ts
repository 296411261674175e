import { connect as connectTls, createServer, type TLSSocket } from 'node:tls'
import {
  dialContext,
  nameToVerify,
  rawSocketUnder,
  secureContextOptions,
} from '@doublehop/daemon/tls'
import t from 'tap'
import { inFiles, TestAuthority } from '../../../test/kit/certificates.ts'

const AUTHORITY = new TestAuthority()
const SHOWN = AUTHORITY.issue(['localhost'])

t.test('the raw socket under an accepted TLS socket is the one that an RST needs', async (t) => {
  const raws: object[] = []
  const server = createServer(SHOWN).on('connection', (raw) => raws.push(raw))
  const accepted = new Promise<TLSSocket>((resolve) => server.once('secureConnection', resolve))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as { port: number }
  const client = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: AUTHORITY.ca })
  const ended = new Promise<NodeJS.ErrnoException>((resolve) => client.on('error', resolve))
  client.resume()
  const socket = await accepted
  t.equal(rawSocketUnder(socket), raws[0])
  socket.on('error', () => {}).write('x')
  await new Promise((resolve) => client.once('data', resolve))
  t.throws(() => socket.resetAndDestroy(), 'the TLS socket itself cannot')
  rawSocketUnder(socket).resetAndDestroy()
  t.equal((await ended).code, 'ECONNRESET')
  server.close()
})

t.test('certificate files', async (t) => {
  const files = inFiles(SHOWN)

  t.test('that belong together are read', async (t) => {
    const options = secureContextOptions(files)
    t.match(options, { minVersion: 'TLSv1.2', honorCipherOrder: true })
    t.equal(String(options.cert), SHOWN.cert)
    t.doesNotThrow(() => dialContext(files))
    t.doesNotThrow(() => dialContext({ ca: files.ca }))
    t.doesNotThrow(() => dialContext({ ca: undefined }))
  })

  t.test('that are missing, wrong or of two houses are named', async (t) => {
    const other = inFiles(AUTHORITY.issue(['other']))
    const missing = { ...files, key: '/nowhere/tls.key' }
    t.throws(() => secureContextOptions(missing), {
      code: 'DH_CERTIFICATE',
      details: { file: '/nowhere/tls.key', why: 'ENOENT' },
    })
    const mixed = { ...files, key: other.key }
    t.throws(() => secureContextOptions(mixed), {
      code: 'DH_CERTIFICATE',
      message: new RegExp(other.key),
    })
    const swapped = { ...files, certificate: files.key }
    t.throws(() => secureContextOptions(swapped), { code: 'DH_CERTIFICATE' })
    t.throws(() => dialContext({ ca: '/nowhere/ca.crt' }), { code: 'DH_CERTIFICATE' })
  })

  t.test('are never quoted', async (t) => {
    const swapped = { ...files, certificate: files.key }
    const error = ((): unknown => {
      try {
        return secureContextOptions(swapped)
      } catch (thrown) {
        return thrown
      }
    })() as Error
    t.notMatch(JSON.stringify(error) + error.message, /PRIVATE KEY|MIG/)
  })
})

t.test('an address is verified as one and sends no SNI', async (t) => {
  t.same(nameToVerify('proxy'), { servername: 'proxy', rejectUnauthorized: true })
  t.same(nameToVerify('10.0.0.1'), { host: '10.0.0.1', rejectUnauthorized: true })
  t.same(nameToVerify('fd00::1'), { host: 'fd00::1', rejectUnauthorized: true })
})

t.test('only ciphers with forward secrecy and authentication are spoken', async (t) => {
  const { ciphers = '' } = secureContextOptions(inFiles(SHOWN))
  const server = createServer({ ...secureContextOptions(inFiles(SHOWN)) }).on(
    'tlsClientError',
    () => {},
  )
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const offer = async (suite: string): Promise<string> => {
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: AUTHORITY.ca,
      maxVersion: 'TLSv1.2',
      ciphers: suite,
    })
    return await new Promise((resolve) => {
      socket
        .once('error', () => resolve('refused'))
        .once('secureConnect', () => {
          resolve(socket.getCipher().name)
          socket.destroy()
        })
    })
  }
  t.equal(await offer('ECDHE-ECDSA-AES128-GCM-SHA256'), 'ECDHE-ECDSA-AES128-GCM-SHA256')
  t.equal(await offer('ECDHE-ECDSA-AES128-SHA256'), 'refused', 'CBC')
  t.notMatch(ciphers, /(^|:)(?!TLS_|ECDHE-)/, 'nothing without a fresh key')
})
