import { MemorySpentMarks, RedisSpentMarks } from '@doublehop/daemon/spent'
import type { Redis } from 'ioredis'
import t from 'tap'
import { heapInUse } from '../../../test/kit/memory.ts'
import { stopClock } from '../../../test/kit/stopped-clock.ts'

t.test('what was spent is spent, and once only', async (t) => {
  const marks = new MemorySpentMarks()
  t.notOk(await marks.isSpent('a'))
  t.ok(await marks.spend('a', 10_000))
  t.ok(await marks.isSpent('a'))
  t.notOk(await marks.spend('a', 10_000))
  t.notOk(await marks.isSpent('b'), 'and nothing else is')
})

t.test('of many at once one gets it', async (t) => {
  const marks = new MemorySpentMarks()
  const tries = await Promise.all(Array.from({ length: 100 }, () => marks.spend('a', 10_000)))
  t.equal(tries.filter(Boolean).length, 1)
})

t.test('asking does not spend', async (t) => {
  const marks = new MemorySpentMarks()
  await marks.isSpent('a')
  t.ok(await marks.spend('a', 10_000))
})

t.test('a mark is kept as long as it was told to be', async (t) => {
  const marks = new MemorySpentMarks()
  const clock = stopClock(t)
  await marks.spend('short', 1000)
  await marks.spend('long', 60_000)
  clock.passed = 999
  t.ok(await marks.isSpent('short'))
  clock.passed = 1001
  t.notOk(await marks.isSpent('short'))
  t.ok(await marks.isSpent('long'))
  clock.passed = 59_999
  t.notOk(await marks.spend('long', 60_000), 'a second try does not prolong it')
  clock.passed = 60_001
  t.ok(await marks.spend('long', 60_000))
})

t.test('a flood of marks is forgotten when its time is over', async (t) => {
  const marks = new MemorySpentMarks()
  const clock = stopClock(t)
  const before = heapInUse()
  for (let round = 0; round < 10; round++) {
    for (let n = 0; n < 20_000; n++) await marks.spend(`${round} ${n}`.padEnd(500, '.'), 500)
    clock.passed += 2000
  }
  const grown = heapInUse() - before
  t.ok(await marks.spend('one more', 500), 'they are still in use')
  t.ok(grown < 40_000_000, `${grown} bytes for 200,000 marks of 500, of which 20,000 are kept`)
})

t.test('a Redis that has forgotten its marks gives this process no second use', async (t) => {
  const forgetful = { set: async () => 'OK', exists: async () => 0 } as unknown as Redis
  const marks = new RedisSpentMarks(forgetful)
  t.ok(await marks.spend('a', 10_000))
  t.notOk(await marks.spend('a', 10_000))
  t.ok(await marks.isSpent('a'))
  t.notOk(await marks.isSpent('b'))
  const tries = await Promise.all(Array.from({ length: 10 }, () => marks.spend('b', 10_000)))
  t.equal(tries.filter(Boolean).length, 1, 'nor two at once')
})

t.test('what a Redis could not note is not spent here either', async (t) => {
  let isAway = true
  const set = async () => {
    if (isAway) throw new Error('Command timed out')
    return 'OK'
  }
  const marks = new RedisSpentMarks({ set, exists: async () => 0 } as unknown as Redis)
  await t.rejects(marks.spend('a', 10_000), { code: 'DH_GRANT_STORE' })
  isAway = false
  t.ok(await marks.spend('a', 10_000))
  t.notOk(await marks.spend('a', 10_000))
})
