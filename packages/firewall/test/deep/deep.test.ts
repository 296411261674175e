import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { freePort } from '../../../../test/kit/free-port.ts'
import { type MiddleboxHabits, middlebox } from '../../../../test/kit/listen-middlebox.ts'
import { type DeepTest, deepResult } from '../../src/check/deep-result.ts'
import type { Probe } from '../../src/check/plan.ts'
import { type DeepOptions, deepCheck } from '../../src/deep/deep.ts'
import { openListeners } from '../../src/listen/listen.ts'

t.test('a clean path passes every test', async (t) => {
  const port = await listening(t)
  const result = deepResult.parse(await deepCheck(probe(port), { ...QUICK, idleMaxSeconds: 3 }))
  t.same(
    result.tests.map(({ test, result }) => [test, result]),
    ['idle', 'mtu', 'half-close', 'rate', 'bytes'].map((test) => [test, 'pass']),
    result.tests.map(({ sentence }) => sentence).join('\n'),
  )
  t.equal(result.route, `127.0.0.1 → 127.0.0.1:${port}`)
})

t.test('a limit of idle time is found to within 10 %', async (t) => {
  const found = await through(t, { forgetsAfter: 3000 }, 'idle', { idleMaxSeconds: 8 })
  t.match(found, { result: 'fail', code: 'DH_FW_IDLE' })
  const { lived = 0, died = 0 } = found.idleSeconds ?? {}
  t.ok(lived <= 3 && lived > 2.7, `lived ${lived}`)
  t.ok(died >= 3 && died < 3.3, `died ${died}`)
  t.ok(found.seconds < 7, 'longer silences were not waited for')
})

t.test('a byte that is changed is named by its place and direction', async (t) => {
  let passed = 0
  const up = (chunk: Buffer): Buffer => {
    const at = 500_000 - passed
    passed += chunk.length
    if (at >= 0 && at < chunk.length) chunk[at] = 0xff ^ (chunk[at] ?? 0)
    return chunk
  }
  const found = await through(t, { up }, 'bytes')
  t.match(found, { result: 'fail', code: 'DH_FW_BYTES' })
  t.match(found.sentence, /from gateway to proxy, byte 499\d{3} of 1048576/)
  t.notMatch(found.sentence, /from proxy to gateway/)
})

t.test('lines that are rewritten as text are found', async (t) => {
  const up = (chunk: Buffer): Buffer => {
    const text = chunk.toString('latin1')
    return text.startsWith('doublehop') ? chunk : Buffer.from(text.replace(/\n/g, '\r\n'), 'latin1')
  }
  const found = await through(t, { up }, 'bytes')
  t.match(found, { result: 'fail', code: 'DH_FW_BYTES' })
  t.match(found.sentence, /from gateway to proxy, byte \d+ of/)
})

t.test('a middlebox that takes one end for both is found, both ways round', async (t) => {
  const found = await through(t, { closesBoth: true }, 'half-close')
  t.match(found, { result: 'fail', code: 'DH_FW_HALF_CLOSE' })
  t.match(found.sentence, /proxy sends after gateway has finished.*gateway sends after proxy/)
})

t.test('a daemon in its place is no far end, whether it speaks first or not', async (t) => {
  for (const says of ['\x7f\x7fICA\0', '']) {
    const daemon = createServer((socket) => {
      socket.on('error', () => {})
      if (says !== '') socket.write(says)
    }).listen(0, '127.0.0.1')
    await once(daemon, 'listening')
    const { port } = daemon.address() as AddressInfo
    const { tests, note } = await deepCheck(probe(port), { timeoutMs: 300 })
    t.same(tests, [])
    t.match(note, `a daemon answers at 127.0.0.1:${port}`)
    daemon.close()
  }
})

t.test('where nobody answers, or the source is of another host, nothing is tested', async (t) => {
  const port = await freePort()
  t.match(await deepCheck(probe(port), QUICK), { tests: [], note: /nobody answers.*ECONNREFUSED/ })
  const elsewhere = { ...probe(port), from: { ...probe(port).from, address: '192.0.2.1' } }
  t.match(await deepCheck(elsewhere, QUICK), { tests: [], note: /run on 192\.0\.2\.1/ })
  t.match(await deepCheck({ ...probe(port), expect: 'deny' }), { tests: [] })
})

t.test('a check that is ended early tells what it knows', async (t) => {
  const port = await listening(t)
  const over = new AbortController()
  const ending = deepCheck(probe(port), {
    ...{ tests: ['idle'], idleMaxSeconds: 3600, signal: over.signal },
    onProgress: () => over.abort(),
  })
  const { tests } = await ending
  t.match(tests, [{ test: 'idle', result: 'pass' }])
})

const QUICK = { timeoutMs: 2000, burst: 50 }

async function through(
  t: Test,
  habits: MiddleboxHabits,
  test: DeepTest,
  options: DeepOptions = {},
) {
  const box = await middlebox(await listening(t), habits)
  t.teardown(() => box.close())
  const { tests, note } = await deepCheck(probe(box.port), { ...QUICK, ...options, tests: [test] })
  const [found] = tests
  if (found === undefined) throw new Error(note)
  t.comment(found.sentence)
  return found
}

async function listening(t: Test): Promise<number> {
  const port = await freePort()
  const place = { protocol: 'tcp' as const, address: '127.0.0.1', port, name: 'proxy' }
  const listeners = await openListeners([place])
  t.teardown(() => listeners.close())
  return port
}

function probe(port: number): Probe {
  return {
    id: 'gateway-proxy-1080',
    expect: 'allow',
    from: { name: 'gateway', zone: 'dmz1', network: '127.0.0.1', address: '127.0.0.1' },
    to: { name: 'proxy', zone: 'dmz2', address: '127.0.0.1' },
    protocol: 'tcp',
    port,
    firewalls: [2],
    why: 'the gateway reaches STA and servers through the proxy',
    steps: [2, 5],
    speaks: 'socks',
  }
}
