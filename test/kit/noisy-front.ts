import { type AddressInfo, connect, createServer } from 'node:net'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'

/** What breaks TLS when it stands behind a handshake. */
export const NOISES = {
  garbage: Buffer.alloc(3000, 0x5a),
  'an alert without a key': Buffer.from('15030300020232', 'hex'),
}

/** The flight of a server that ends its part of the handshake. */
export const LAST_FLIGHT = { 'TLSv1.2': 2, 'TLSv1.3': 1 } as const

/** Stands before a TLS server, and says noise in one write with this flight of it. */
export async function noisyFront(
  test: Test,
  server: Endpoint,
  { noise, flight }: { readonly noise: Uint8Array; readonly flight: number },
): Promise<Endpoint> {
  const front = createServer((near) => {
    const far = connect({ ...server })
    let flights = 0
    near
      .on('data', (bytes: Buffer) => far.write(bytes))
      .on('error', () => {})
      .on('close', () => far.destroy())
    far
      .on('data', (bytes: Buffer) =>
        near.write(++flights === flight ? Buffer.concat([bytes, noise]) : bytes),
      )
      .on('error', () => {})
  })
  await new Promise<void>((resolve) => {
    front.listen(0, '127.0.0.1', resolve)
  })
  test.teardown(() => front.close())
  return { host: '127.0.0.1', port: (front.address() as AddressInfo).port }
}
