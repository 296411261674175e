import { Agent } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { fault } from '@doublehop/errors/fault'
import { STA_LIMIT } from '@doublehop/wire/sta-messages'
import t, { type Test } from 'tap'
import { until } from '../../../test/kit/wait.ts'
import { askSta, checkReply, type StaReply } from '../src/ask.ts'
import { identifySta } from '../src/identify.ts'

const BODY = new TextEncoder().encode('<ask/>')

/** A TCP server that does with each connection what a test wants, and counts them. */
class Scene {
  readonly url: URL
  readonly heard: string[] = []
  readonly agent = new Agent({ keepAlive: true })
  connections = 0

  private constructor(port: number) {
    this.url = new URL(`http://127.0.0.1:${port}`)
  }

  /** @param answer called with each request; what it returns is written */
  static async set(
    t: Test,
    answer: (request: string, socket: Socket) => string | undefined,
  ): Promise<Scene> {
    const sockets = new Set<Socket>()
    const server: Server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const scene = new Scene((server.address() as { port: number }).port)
    server.on('connection', (socket) => {
      scene.connections++
      sockets.add(socket)
      let held = ''
      socket
        .on('error', () => {})
        .on('data', (bytes) => {
          held += bytes.toString()
          if (!held.includes('\r\n\r\n') || (held.startsWith('POST') && !held.endsWith('<ask/>')))
            return
          scene.heard.push(held)
          const said = answer(held, socket)
          held = ''
          if (said !== undefined) socket.write(said)
        })
    })
    t.teardown(() => {
      server.close()
      scene.agent.destroy()
      for (const socket of sockets) socket.destroy()
    })
    return scene
  }

  ask(options: { milliseconds?: number; signal?: AbortSignal } = {}): Promise<StaReply> {
    return askSta(
      { sta: 'STA01', url: this.url, body: BODY },
      { agent: this.agent, milliseconds: 2000, ...options },
    )
  }
}

const ok = (body: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

t.test('a question is asked and answered; the connection is kept for the next', async (t) => {
  const scene = await Scene.set(t, () => ok('<yes/>'))
  t.equal(Buffer.from((await scene.ask()).body).toString(), '<yes/>')
  await new Promise(setImmediate)
  t.equal((await scene.ask()).status, 200)
  t.equal(scene.connections, 1)
  t.match(scene.heard[0], /^POST \/Scripts\/CtxSTA\.dll HTTP\/1\.1\r\n/)
})

t.test('an STA that stops anywhere in its answer is given up when its time is over', async (t) => {
  for (const beginning of [
    '',
    'HTTP/1.1 20',
    'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf',
  ]) {
    const scene = await Scene.set(t, () => beginning || undefined)
    const began = performance.now()
    await t.rejects(
      scene.ask({ milliseconds: 100 }),
      { code: 'DH_STA_TIMEOUT' },
      JSON.stringify(beginning),
    )
    t.ok(performance.now() - began < 1500)
  }
})

t.test('whoever waits may give up at any time, also in the middle of an answer', async (t) => {
  for (const beginning of [undefined, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf']) {
    const controller = new AbortController()
    const scene = await Scene.set(t, () => {
      setTimeout(() => controller.abort(fault('DH_CLIENT_GONE', { step: '3 redeem' })), 20)
      return beginning
    })
    await t.rejects(scene.ask({ signal: controller.signal }), { code: 'DH_CLIENT_GONE' })
  }
  const scene = await Scene.set(t, () => ok(''))
  await t.rejects(
    scene.ask({ signal: AbortSignal.abort(fault('DH_CLIENT_GONE', { step: '2 sta-connect' })) }),
    { code: 'DH_CLIENT_GONE' },
  )
  t.equal(scene.heard.length, 0, 'nothing is asked for who is gone already')
})

t.test('a question is never asked twice, however the connection ends after it', async (t) => {
  const scene = await Scene.set(t, (_, socket) => void socket.resetAndDestroy())
  await t.rejects(scene.ask(), { code: 'DH_STA_LOST' })
  t.equal(scene.heard.length, 1)

  const ending = await Scene.set(t, (_, socket) => void socket.end())
  await t.rejects(ending.ask(), { code: 'DH_STA_LOST' })
  t.equal(ending.heard.length, 1)
})

t.test(
  'a kept connection that ends as the next question is written loses that question, and it is not repeated',
  async (t) => {
    let asked = 0
    const scene = await Scene.set(t, (_, socket) => {
      if (++asked === 1) return ok('')
      socket.resetAndDestroy()
      return undefined
    })
    await scene.ask()
    await new Promise(setImmediate)
    await t.rejects(scene.ask(), { code: 'DH_STA_LOST' })
    t.equal(scene.heard.length, 2)
    t.equal(scene.connections, 1)
  },
)

t.test('no more questions are under way at once than the agent may have connections', async (t) => {
  const waiting: Socket[] = []
  const scene = await Scene.set(t, (_, socket) => void waiting.push(socket))
  // Our agents open connections by way of a proxy, or of TLS, which takes a while.
  class SlowAgent extends Agent {
    override createConnection(
      options: object,
      callback?: (error: Error | null, socket: Socket) => void,
    ): undefined {
      setTimeout(
        () =>
          callback?.(
            null,
            connect({ host: '127.0.0.1', port: Number(scene.url.port), ...options } as never),
          ),
        5,
      )
    }
  }
  const agent = new SlowAgent({ keepAlive: true, maxSockets: 3 })
  t.teardown(() => agent.destroy())
  const question = { sta: 'STA01', url: scene.url, body: BODY }
  const answers = Array.from({ length: 20 }, () => askSta(question, { agent, milliseconds: 5000 }))
  for (let answered = 0; answered < 20; answered++) {
    await until(
      () => waiting.length,
      (length) => length > 0,
    )
    t.ok(waiting.length <= 3 && scene.connections <= 4, `${waiting.length} at once`)
    waiting.shift()?.write(ok(''))
  }
  t.equal((await Promise.all(answers)).length, 20)
})

t.test('a question that gets no turn in time was not asked, and another STA may be', async (t) => {
  const scene = await Scene.set(t, () => undefined)
  const agent = new Agent({ maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const question = { sta: 'STA01', url: scene.url, body: BODY }
  const first = askSta(question, { agent, milliseconds: 400 })
  await t.rejects(askSta(question, { agent, milliseconds: 100 }), {
    code: 'DH_STA_UNREACHABLE',
    message: /1 questions to it are under way/,
  })
  const controller = new AbortController()
  const third = askSta(question, { agent, milliseconds: 2000, signal: controller.signal })
  controller.abort(fault('DH_CLIENT_GONE', { step: '2 sta-connect' }))
  await t.rejects(third, { code: 'DH_CLIENT_GONE' })
  await t.rejects(first, { code: 'DH_STA_TIMEOUT' })
  t.equal(scene.heard.length, 1)

  const other = await Scene.set(t, () => ok('<yes/>'))
  const late = askSta(question, { agent, milliseconds: 100 })
  t.equal(
    (await askSta({ ...question, url: other.url }, { agent, milliseconds: 100 })).status,
    200,
    'an STA that hangs holds up no other',
  )
  await t.rejects(late, { code: 'DH_STA_TIMEOUT' }, 'and a turn that ended is taken by the next')
})

t.test('where nobody listens nothing was asked, and the error says so', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const agent = new Agent()
  await t.rejects(
    askSta(
      { sta: 'STA01', url: new URL(`http://127.0.0.1:${port}`), body: BODY },
      { agent, milliseconds: 1000 },
    ),
    {
      code: 'DH_STA_UNREACHABLE',
      message: /ECONNREFUSED/,
    },
  )
})

t.test('an answer of 64 KiB is read, one byte more is no answer', async (t) => {
  const scene = await Scene.set(t, () => ok('x'.repeat(STA_LIMIT)))
  t.equal((await scene.ask()).body.length, STA_LIMIT)
  for (const long of [
    ok('x'.repeat(STA_LIMIT + 1)),
    `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${'x'.repeat(STA_LIMIT + 1)}`,
  ]) {
    const other = await Scene.set(t, () => long)
    await t.rejects(other.ask(), { code: 'DH_STA_ANSWER', message: /longer than 65536 bytes/ })
  }
})

t.test('an answer that is cut off is no answer', async (t) => {
  const scene = await Scene.set(t, (_, socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    return undefined
  })
  await t.rejects(scene.ask(), { code: 'DH_STA_ANSWER' })
})

t.test('what is no HTTP, or has headers without end, is refused', async (t) => {
  for (const answer of [
    'SSH-2.0-OpenSSH_9.2\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
  ]) {
    const scene = await Scene.set(t, () => answer)
    await t.rejects(scene.ask(), { code: 'DH_STA_ANSWER' }, answer.slice(0, 20))
  }
})

t.test('the status and the proxy before an STA tell whose fault it is', async (t) => {
  const told = (status: number, error?: string) => () =>
    checkReply('STA01', 'redeem tickets', {
      status,
      headers: error ? { 'doublehop-error': error } : {},
      body: new Uint8Array(0),
    })
  t.doesNotThrow(told(200))
  t.throws(told(403), { code: 'DH_STA_FORBIDDEN' })
  t.throws(told(502, 'DH_STA_UNREACHABLE'), { code: 'DH_STA_UNREACHABLE' })
  t.throws(told(504, 'DH_STA_TIMEOUT'), { code: 'DH_STA_TIMEOUT' })
  t.throws(told(502, 'DH_STA_LOST'), { code: 'DH_STA_LOST' })
  t.throws(
    told(502, 'DH_TICKET_USED'),
    { code: 'DH_STA_ANSWER' },
    'a ticket is judged by the STA alone',
  )
  for (const status of [0, 204, 302, 404, 406, 500])
    t.throws(told(status), { code: 'DH_STA_ANSWER' }, String(status))
})

t.test('an STA tells its id with 406; one that does not is still there', async (t) => {
  const answers = [
    'HTTP/1.1 406 Not Acceptable\r\nDoublehop-Authority: STA01\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 406 Not Acceptable\r\nContent-Length: 0\r\n\r\n',
    ok('hello'),
    'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n',
  ]
  const scene = await Scene.set(t, () => answers.shift())
  const identify = () => identifySta(scene.url, { agent: scene.agent, milliseconds: 1000 })
  t.equal(await identify(), 'STA01')
  t.equal(await identify(), undefined)
  t.equal(await identify(), undefined)
  await t.rejects(identify(), { code: 'DH_STA_ANSWER', message: /HTTP 404/ })
})
