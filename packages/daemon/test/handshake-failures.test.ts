import { noteHandshakeFailures } from '@doublehop/daemon/handshake-failures'
import { logTo } from '@doublehop/daemon/log'
import { Metrics } from '@doublehop/daemon/metrics'
import { fault } from '@doublehop/errors/fault'
import t, { type Test } from 'tap'
import { failuresOf } from '../../../test/kit/failures.ts'
import { stopClock } from '../../../test/kit/stopped-clock.ts'

const LATE = fault('DH_TLS_HANDSHAKE', { why: 'late' })
const FULL = fault('DH_LIMIT_SESSIONS', { limit: 1 })
const PEER = { host: '203.0.113.7', port: 4711 }

function watch(t: Test) {
  const clock = stopClock(t)
  // Seconds are those of the clock, so a test begins with a whole one.
  clock.passed = 1000 - (performance.now() % 1000)
  const lines: Record<string, unknown>[] = []
  const metrics = new Metrics()
  const log = logTo('gateway', (line) => lines.push(JSON.parse(line)))
  const note = noteHandshakeFailures(log, metrics)
  const many = (count: number): void => {
    for (let n = 0; n < count; n++) note(LATE, PEER)
  }
  return { clock, lines, metrics, note, many }
}

t.test('a connection that failed is counted, and told of in a line', async (t) => {
  const { lines, metrics, note } = watch(t)
  note(LATE, PEER)
  note(FULL, PEER)
  t.match(lines, [
    {
      level: 'info',
      event: 'handshake-failed',
      code: 'DH_TLS_HANDSHAKE',
      peer: '203.0.113.7',
      msg: 'the TLS handshake failed: late',
    },
    { event: 'handshake-failed', code: 'DH_LIMIT_SESSIONS' },
  ])
  t.match(await failuresOf(metrics), { DH_TLS_HANDSHAKE: 1, DH_LIMIT_SESSIONS: 1 })
})

t.test('of very many within a second twenty are told of, and all are counted', async (t) => {
  const { clock, lines, metrics, many } = watch(t)
  many(500)
  clock.passed += 999
  many(500)
  t.equal(lines.length, 20)
  t.match(await failuresOf(metrics), { DH_TLS_HANDSHAKE: 1000 })
})

t.test('the next one in another second says first how many there were more', async (t) => {
  const { clock, lines, many } = watch(t)
  many(1000)
  clock.passed += 1000
  many(1)
  t.match(lines.slice(20), [
    { level: 'warn', event: 'handshakes-failed', count: 980, msg: /^980 more connections failed/ },
    { event: 'handshake-failed' },
  ])
  many(24)
  clock.passed += 5000
  many(1)
  t.match(lines.slice(41), [{ event: 'handshakes-failed', count: 5 }, {}])
})

t.test('where all were told of nothing is added', async (t) => {
  const { clock, lines, many } = watch(t)
  for (let second = 0; second < 3; second++) {
    many(20)
    clock.passed += 1000
  }
  t.equal(lines.length, 60)
  t.ok(lines.every(({ event }) => event === 'handshake-failed'))
})
