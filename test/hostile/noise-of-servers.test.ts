import { issueCertificate } from '@doublehop/pki/certificate'
import { parseTicket } from '@doublehop/wire/ticket'
import { launch } from '@doublehop/workspace/launch'
import t from 'tap'
import { EndServer } from '../kit/ends.ts'
import { House } from '../kit/house.ts'
import { LAST_FLIGHT, NOISES, noisyFront } from '../kit/noisy-front.ts'
import { SOCKSV5, startSocksServer } from '../kit/npm-socks.ts'

/** Over a foreign hop the gateway itself speaks TLS with the STA, and whoever holds that hop may answer instead. */
t.test('noise behind the handshake of an STA ends the launch, and not the gateway', async (t) => {
  const [kit] = Object.values(SOCKSV5)
  if (kit === undefined) throw new Error('no SOCKS server')
  const { host, port } = await startSocksServer(t, kit)
  for (const [what, noise] of Object.entries(NOISES)) {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const name of ['127.0.0.1', 'another.example']) {
        t.test(`${what}, ${version}, a certificate of ${name}`, async (t) => {
          const house = new House(t)
          const issuer = { cert: house.read('ca/ca.crt'), key: house.read('ca/ca.key') }
          const shown = issueCertificate({ issuer, commonName: 'sta', names: [name] })
          const { at } = await EndServer.open(t, { ...shown, maxVersion: version })
          const front = await noisyFront(t, at, { noise, flight: LAST_FLIGHT[version] })
          const gateway = await house.gateway(
            [{ id: 'STA01', urls: [`https://${front.host}:${front.port}`] }],
            [{ name: 'foreign', kind: 'socks5', secure: 'off', address: `${host}:${port}` }],
          )
          const ticket = parseTicket(`;40;STA01;${'0'.repeat(32)}`)
          for (let i = 0; i < 3; i++)
            await t.rejects(
              launch(house.access(gateway), { ticket, port: 2598, protocol: 'socks' }),
              { code: 'DH_SOCKS_UNREACHABLE' },
            )
        })
      }
    }
  }
})
