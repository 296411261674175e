import { deepEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { intervals, isWithin, meet, minus } from '../../src/rules/diff/intervals.ts'
import {
  isPartOf,
  meet as meetPackets,
  minus as minusPackets,
  type Packets,
  valuesOf,
} from '../../src/rules/diff/packets.ts'

/** Sets of numbers up to 30, which can be counted out. */
const small = fc
  .array(fc.tuple(fc.bigInt(0n, 30n), fc.bigInt(0n, 30n)), { maxLength: 5 })
  .map(intervals)
const NUMBERS = Array.from({ length: 32 }, (_, one) => BigInt(one))
const has = (set: readonly (readonly [bigint, bigint])[], one: bigint) =>
  set.some(([from, to]) => from <= one && one <= to)

t.test('sets of intervals are what their numbers are', async (t) => {
  fc.assert(
    fc.property(small, small, (a, b) => {
      for (const one of NUMBERS) {
        equal(has(meet(a, b), one), has(a, one) && has(b, one))
        equal(has(minus(a, b), one), has(a, one) && !has(b, one))
      }
      equal(
        isWithin(a, b),
        NUMBERS.every((one) => !has(a, one) || has(b, one)),
      )
      deepEqual(intervals([...a, ...b].toReversed()), intervals([...b, ...a]))
    }),
    { seed: 0x2026, numRuns: 1000 },
  )
  t.pass('1000 pairs')
})

/** Packets of two fields, which can be counted out too. */
const full = small.filter((set) => set.length > 0)
const packets: fc.Arbitrary<Packets> = fc.record(
  { port: full, sourcePort: full },
  { requiredKeys: [] },
)
const POINTS = NUMBERS.flatMap((port) => NUMBERS.map((sourcePort) => ({ port, sourcePort })))
const holdsPoint = (one: Packets, { port, sourcePort }: { port: bigint; sourcePort: bigint }) =>
  has(valuesOf(one, 'port'), port) && has(valuesOf(one, 'sourcePort'), sourcePort)

t.test('packets that are taken away are gone, and no others', async (t) => {
  fc.assert(
    fc.property(packets, packets, (a, b) => {
      const [parts, both] = [minusPackets(a, b), meetPackets(a, b)]
      for (const point of POINTS) {
        const [inA, inB] = [holdsPoint(a, point), holdsPoint(b, point)]
        equal(parts.filter((part) => holdsPoint(part, point)).length, inA && !inB ? 1 : 0)
        equal(both !== undefined && holdsPoint(both, point), inA && inB)
      }
      equal(isPartOf(a, b), parts.length === 0)
    }),
    { seed: 0x2026, numRuns: 200 },
  )
  t.pass('200 pairs')
})
