import { FailureDelay } from '@doublehop/daemon/failure-delay'
import t from 'tap'
import { heapInUse } from '../../../test/kit/memory.ts'
import { stopClock } from '../../../test/kit/stopped-clock.ts'

const GUESSER = '10.0.0.1'

function times(count: number, delay: FailureDelay, host = GUESSER): number[] {
  return Array.from({ length: count }, () => delay.failed(host))
}

t.test('each failure of a source doubles how long the next one is held', async (t) => {
  t.same(times(6, new FailureDelay(250)), [250, 500, 1000, 2000, 4000, 8000])
})

t.test('it never grows beyond an hour, however many there are', async (t) => {
  const delay = new FailureDelay(250)
  const held = times(2000, delay)
  t.equal(Math.max(...held), 3_600_000)
  t.equal(held.at(-1), 3_600_000)
})

t.test('switched off, nobody is held', async (t) => {
  const delay = new FailureDelay(undefined)
  t.same(times(3, delay), [0, 0, 0])
  delay.first = 100
  t.same(times(3, delay), [100, 200, 400], 'and a reload may switch it on')
})

t.test('each source is held for its own failures', async (t) => {
  const delay = new FailureDelay(250)
  times(3, delay)
  t.equal(delay.failed('10.0.0.2'), 250)
  t.equal(delay.failed('::ffff:10.0.0.1'), 2000, 'an IPv4-mapped address is no other one')
  t.equal(delay.failed('2001:db8:0:1::1'), 250)
  t.equal(delay.failed('2001:db8:0:1:ffff::9'), 500, 'an IPv6 source is its /64')
  t.equal(delay.failed('2001:db8:0:2::1'), 250)
})

t.test('who has failed nothing for a minute is a stranger again', async (t) => {
  const delay = new FailureDelay(250)
  const clock = stopClock(t)
  times(3, delay)
  clock.passed = 59_999
  t.equal(delay.failed(GUESSER), 2000, 'a moment before that it is not')
  clock.passed += 59_999
  t.equal(delay.failed(GUESSER), 4000, 'and the minute begins anew with each failure')
  clock.passed += 60_001
  t.equal(delay.failed(GUESSER), 250)
  t.equal(delay.failed(GUESSER), 500)
})

t.test('of very many sources those that have been quiet longest are forgotten', async (t) => {
  const delay = new FailureDelay(250)
  const source = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`
  delay.failed('192.0.2.1')
  delay.failed('192.0.2.2')
  for (let n = 0; n < 9998; n++) delay.failed(source(n))
  t.equal(delay.failed('192.0.2.1'), 500, '10,000 are remembered')
  delay.failed(source(9998))
  t.equal(delay.failed('192.0.2.1'), 1000, 'who came again is not among the quietest')
  t.equal(delay.failed('192.0.2.2'), 250, 'but who did not is forgotten')
  t.equal(delay.failed(source(2000)), 500, 'and the later ones are not')
})

t.test('a flood of sources takes neither more memory nor more time', async (t) => {
  const delay = new FailureDelay(250)
  const before = heapInUse()
  const began = process.threadCpuUsage()
  for (let n = 0; n < 100_000; n++) delay.failed(`2001:db8:${n >> 10}:${n & 1023}::1`)
  const { user } = process.threadCpuUsage(began)
  const grown = heapInUse() - before
  t.equal(delay.failed('2001:db8:97:671::1'), 500, 'the last ones are remembered')
  t.ok(grown < 10_000_000, `${grown} bytes for 100,000 sources`)
  t.ok(user < 3_000_000, `${user / 100_000} µs each`)
})
