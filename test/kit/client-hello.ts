import { connect as connectTls } from 'node:tls'
import type { Test } from 'tap'
import { EndServer } from './ends.ts'

/** What a TLS client says first, for tests that say it on a bare socket. */
export async function clientHello(test: Test): Promise<Buffer> {
  const server = await EndServer.open(test)
  const client = connectTls({ ...server.at, servername: 'localhost' }).on('error', () => {})
  const end = await server.next()
  await end.until(() => end.heard.length > 100)
  client.destroy()
  return end.heard
}
