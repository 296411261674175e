import { createServer, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import type { Endpoint } from '@doublehop/wire/endpoint'
import t, { type Test } from 'tap'
import { openEnd } from '../../../test/kit/ends.ts'
import { oneByOne } from '../src/one-by-one.ts'

/** A server that answers one by one, and what it was asked. */
async function serve(t: Test, answer: RequestListener): Promise<Endpoint> {
  const server = createServer(oneByOne(answer))
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { host: '127.0.0.1', port: (server.address() as { port: number }).port }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

t.test('what stands behind a request is begun when that one is answered', async (t) => {
  const begun: string[] = []
  const answers: (() => void)[] = []
  const at = await serve(t, ({ url = '' }, response) => {
    begun.push(url)
    answers.push(() => response.writeHead(200, { 'content-length': 1 }).end(url.slice(1)))
  })
  const end = await openEnd(t, at)
  end.say(get('/1') + get('/2') + get('/3'))
  for (const count of [1, 2, 3]) {
    await until(() => begun.length === count)
    answers[count - 1]?.()
    await end.until(() => end.heard.toString().split('HTTP/1.1 200').length === count + 1)
  }
  t.same(begun, ['/1', '/2', '/3'])
  t.match(end.heard.toString(), /1HTTP[\s\S]*2HTTP[\s\S]*3$/)
})

t.test('what stands behind one that ends the connection is never begun', async (t) => {
  for (const late of [false, true]) {
    const begun: string[] = []
    const at = await serve(t, ({ url = '' }, response) => {
      begun.push(url)
      const refuse = () =>
        response.writeHead(403, { 'content-length': 0, connection: 'close' }).end()
      if (late) setImmediate(refuse)
      else refuse()
    })
    const end = await openEnd(t, at)
    end.say(get('/1') + get('/2'))
    await end.rest()
    t.same(begun, ['/1'], late ? 'refused later' : 'refused at once')
  }
})

t.test('who asks a hundred times ahead of an answer is cut off', async (t) => {
  let begun = 0
  const at = await serve(t, () => void begun++)
  const end = await openEnd(t, at)
  end.say(get('/').repeat(102))
  await end.until(() => end.ended || end.closed)
  t.equal(begun, 1)
  const other = connect(at)
  other.write(get('/'))
  await until(() => begun === 2)
  other.destroy()
})

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate)
}
