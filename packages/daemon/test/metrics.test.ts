import { Metrics } from '@doublehop/daemon/metrics'
import { STEPS, stepNumber } from '@doublehop/daemon/steps'
import t from 'tap'

t.test('sessions, bytes, steps and failures are counted under their names', async (t) => {
  const metrics = new Metrics()
  metrics.sessionOpened()
  metrics.sessionOpened()
  metrics.sessionClosed('client-closed', { up: 10, down: 20 })
  metrics.stepTook('redeem', 0.004)
  metrics.failed('DH_TICKET_USED')
  const text = await metrics.registry.metrics()
  for (const line of [
    'doublehop_sessions 1',
    'doublehop_sessions_closed_total{reason="client-closed"} 1',
    'doublehop_session_bytes_total{direction="up"} 10',
    'doublehop_session_bytes_total{direction="down"} 20',
    'doublehop_step_seconds_bucket{le="0.005",step="redeem"} 1',
    'doublehop_step_seconds_bucket{le="0.0025",step="redeem"} 0',
    'doublehop_step_seconds_count{step="redeem"} 1',
    'doublehop_failures_total{code="DH_TICKET_USED"} 1',
  ]) {
    t.ok(text.split('\n').includes(line), line)
  }
})

t.test('every name begins with ours, has help, and ends as its kind does', async (t) => {
  const metrics = new Metrics()
  metrics.counter('doublehop_test_total', 'A test')
  metrics.gauge('doublehop_test', 'A test', () => 42)
  const shown = await metrics.registry.getMetricsAsJSON()
  t.ok(shown.length > 5)
  for (const { name, help, type } of shown) {
    t.match(name, /^doublehop_[a-z_]+$/)
    t.not(help, '', name)
    t.equal(name.endsWith('_total'), String(type) === 'counter', name)
  }
})

t.test('a gauge is read when it is asked for', async (t) => {
  const metrics = new Metrics()
  let value = 1
  metrics.gauge('doublehop_test', 'A test', () => value)
  value = 7
  t.match(await metrics.registry.metrics(), /^doublehop_test 7$/m)
})

t.test('two daemons in one process count for themselves', async (t) => {
  const [one, other] = [new Metrics(), new Metrics()]
  one.failed('DH_INTERNAL')
  t.notMatch(await other.registry.metrics(), /DH_INTERNAL/)
})

t.test('a process of its own tells of memory and event loop too', async (t) => {
  const metrics = new Metrics()
  metrics.watchProcess()
  t.match(await metrics.registry.metrics(), /^process_resident_memory_bytes \d+$/m)
})

t.test('there are nine steps, numbered from one', async (t) => {
  t.same(STEPS.map(stepNumber), [1, 2, 3, 4, 5, 6, 7, 8, 9])
})
