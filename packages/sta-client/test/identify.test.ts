import { Agent, createServer } from 'node:http'
import t from 'tap'
import { identifySta } from '../src/identify.ts'

t.test('an STA tells its id, or something that is none', async (t) => {
  const told: Record<string, string | undefined> = {
    STA01: 'STA01',
    STA0123456789ABC: 'STA0123456789ABC',
    '': undefined,
    STA: undefined,
    'STA-1': undefined,
    'STA01, STA02': undefined,
    [`STA${'0'.repeat(4000)}`]: undefined,
  }
  let id = ''
  const server = createServer((_, response) =>
    response.writeHead(406, { 'doublehop-authority': id, 'content-length': 0 }).end(),
  )
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => {
    agent.destroy()
    server.close()
  })
  const url = new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
  for (const [header, known] of Object.entries(told)) {
    id = header
    t.equal(await identifySta(url, { agent, milliseconds: 5000 }), known, header.slice(0, 20))
  }
})
