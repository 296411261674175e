import type { Server } from 'node:net'
import { fault } from '@doublehop/errors/fault'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { handedSockets, placeOf } from './activation.ts'

/**
 * Listens, on the socket that the service manager opened for this listener where it did, and says where.
 *
 * @throws Fault DH_LISTEN, DH_ACTIVATION
 */
export function bind(server: Server, on: Endpoint, name: string): Promise<Endpoint> {
  const handed = handedSockets.take(name)
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void =>
      reject(fault('DH_LISTEN', { address: formatEndpoint(on), why: why(error) }, error))
    server.once('error', onError)
    const own = { host: on.host, port: on.port, ipv6Only: false }
    server.listen(handed === undefined ? own : { fd: handed.fd }, () => {
      server.off('error', onError)
      const bound = server.address()
      if (handed !== undefined) return resolve(Promise.try(placeOf, handed, on, bound))
      resolve({
        host: on.host,
        port: typeof bound === 'object' && bound !== null ? bound.port : on.port,
      })
    })
  })
}

function why({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'the port is taken'
  if (code === 'EACCES') return 'this user may not take this port'
  if (code === 'EADDRNOTAVAIL') return 'this host has no such address'
  return code ?? message
}
