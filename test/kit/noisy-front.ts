import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'

/** What breaks TLS when it stands behind a handshake. */
export const NOISES = {
  garbage: Buffer.alloc(3000, 0x5a),
  'an alert without a key': Buffer.from('15030300020232', 'hex'),
}

/** The flight of a server that ends its part of the handshake. */
export const LAST_FLIGHT = { 'TLSv1.2': 2, 'TLSv1.3': 1 } as const

/** The same of a client, in either version. */
export const LAST_CLIENT_FLIGHT = 2

export interface Noise {
  readonly noise: Uint8Array
  /** whose words it follows: the server's, unless told otherwise */
  readonly of?: 'client' | 'server'
  /** which of them */
  readonly flight: number
}

/** Stands before a TLS server, and says noise in one write with this flight of an end. */
export async function noisyFront(
  test: Test,
  server: Endpoint,
  { noise, of = 'server', flight }: Noise,
): Promise<Endpoint> {
  const front = createServer((near) => {
    const far = connect({ ...server })
    carry(near, far, of === 'client' ? { noise, flight } : undefined)
    carry(far, near, of === 'server' ? { noise, flight } : undefined)
  })
  await new Promise<void>((resolve) => {
    front.listen(0, '127.0.0.1', resolve)
  })
  test.teardown(() => front.close())
  return { host: '127.0.0.1', port: (front.address() as AddressInfo).port }
}

function carry(from: Socket, to: Socket, noisy: Noise | undefined): void {
  let flights = 0
  from
    .on('data', (bytes: Buffer) =>
      to.write(++flights === noisy?.flight ? Buffer.concat([bytes, noisy.noise]) : bytes),
    )
    .on('error', () => {})
    .on('close', () => to.destroy())
}
