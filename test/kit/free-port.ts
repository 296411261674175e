import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:net'

/**
 * A port for what cannot ask the kernel for a free one, or must find the same one again. It lies below those that the
 * kernel gives to outgoing connections, so nobody takes it by chance in between.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000)
    if (GIVEN.has(port)) continue
    GIVEN.add(port)
    const server = createServer()
    if (await listens(server, host, port)) {
      await new Promise((resolve) => server.close(resolve))
      return port
    }
  }
}

/** Asked for here before: whoever asked may not listen there yet. */
const GIVEN = new Set<number>()

/** Whether it could listen there. */
export function listens(server: Server, host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const onError = (): void => resolve(false)
    server.once('error', onError)
    server.listen({ host, port }, () => {
      server.off('error', onError)
      resolve(true)
    })
  })
}
