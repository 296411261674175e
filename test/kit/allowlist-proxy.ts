import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import type { House, Running } from './house.ts'

/** A proxy for first hops that know no grants: plain TCP, from loopback, to loopback at these ports alone. */
export function allowlistProxy(
  house: House,
  ports: readonly number[],
  more: object = {},
): Promise<Running> {
  return house.start('proxy', {
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    secure: 'off',
    authorization: 'allowlist',
    allow: { networks: ['127.0.0.0/8'] },
    identity: house.identity('proxy'),
    destinations: { networks: ['127.0.0.0/8', '::1'], ports },
    allowLoopback: true,
    limits: { dial: '2 s' },
    ...more,
  })
}

/** An HTTP server that says where the client found it. It ends with the test. */
export async function webServer(test: Test, host: string): Promise<Endpoint> {
  const server = createServer(({ socket }: IncomingMessage, response: ServerResponse) => {
    response.end(`found at ${socket.localAddress}\n`)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen({ host, port: 0 }, resolve)
  await promise
  test.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { host, port: (server.address() as { port: number }).port }
}
