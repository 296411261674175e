import t from 'tap'
import { Comparison, pattern, patternDigest } from '../../src/deep/pattern.ts'

const COUNT = 70_000

t.test('each row of 256 holds every value of a byte', async (t) => {
  for (const row of [0, 1, 300]) t.equal(new Set(pattern(row * 256, 256)).size, 256)
})

t.test('what came as it was sent is the same, however it was cut', async (t) => {
  const came = new Comparison()
  for (let at = 0; at < COUNT; at += 999) came.push(pattern(at, Math.min(999, COUNT - at)))
  t.same(came.verdict(COUNT), {
    count: COUNT,
    digest: patternDigest(COUNT),
    firstChange: undefined,
  })
})

t.test('the first byte that came otherwise is named', async (t) => {
  const bytes = pattern(0, COUNT)
  bytes[4711] = 0x2a ^ (bytes[4711] ?? 0)
  bytes[9000] = 0x2a ^ (bytes[9000] ?? 0)
  const came = new Comparison()
  came.push(bytes.subarray(0, 4000))
  came.push(bytes.subarray(4000))
  t.equal(came.verdict(COUNT).firstChange, 4711)
})

t.test(
  'a byte too many moves all that follow, and one that is missing counts as changed',
  async (t) => {
    const moved = new Comparison()
    moved.push(pattern(0, 300))
    moved.push(Uint8Array.of(pattern(299, 1)[0] ?? 0))
    moved.push(pattern(300, 300))
    t.equal(moved.verdict(601).firstChange, 300)
    const short = new Comparison()
    short.push(pattern(0, 300))
    t.equal(short.verdict(301).firstChange, 300)
  },
)
