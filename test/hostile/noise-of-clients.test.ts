import { type ConnectionOptions, connect } from 'node:tls'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { launch } from '@doublehop/workspace/launch'
import t from 'tap'
import { TestAuthority } from '../kit/certificates.ts'
import { House } from '../kit/house.ts'
import { LAST_CLIENT_FLIGHT, NOISES, noisyFront } from '../kit/noisy-front.ts'
import { read } from '../kit/session.ts'

const PATIENCE_MILLISECONDS = 5000

t.test('noise behind the handshake of a client ends that connection, nothing else', async (t) => {
  const house = new House(t)
  const { gateway, proxy, storefront, sta, access, ticket } = await house.doubleHop()
  const lab = (role: string) => ({
    cert: house.read(`${role}/tls.crt`),
    key: house.read(`${role}/tls.key`),
  })
  const shown: Record<string, ConnectionOptions> = {
    'no certificate': {},
    'the certificate of a gateway': lab('gateway'),
    'the certificate of a proxy': lab('proxy'),
    'the certificate of a stranger': new TestAuthority().issue(['gateway']),
  }

  for (const [role, { at }] of Object.entries({ gateway, proxy, storefront, sta }))
    for (const [what, noise] of Object.entries(NOISES))
      t.test(`${what} to the ${role}`, async (t) => {
        const place = { of: 'client', flight: LAST_CLIENT_FLIGHT } as const
        const front = await noisyFront(t, at.listen as Endpoint, { noise, ...place })
        for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
          for (const [whose, certificate] of Object.entries(shown)) {
            await ends({ ...front, ...certificate, maxVersion })
            t.pass(`${maxVersion}, ${whose}`)
          }
      })

  t.test('a launch goes through afterwards', async (t) => {
    const { leg } = await launch(access, {
      ticket: await ticket(),
      port: 2598,
      protocol: 'socks',
    })
    leg.write(Buffer.from('there and back'))
    t.equal(String(await read(leg, 14)), 'there and back')
    leg.end()
  })
})

/** Waits until the server has ended this connection. */
function ends(how: ConnectionOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new Error('it is still open'))
    const timer = setTimeout(late, PATIENCE_MILLISECONDS)
    connect({ ...how, rejectUnauthorized: false })
      .on('error', () => {})
      .on('close', () => {
        clearTimeout(timer)
        resolve()
      })
      .resume()
  })
}
