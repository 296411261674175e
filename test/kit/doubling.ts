import type { Test } from 'tap'
import { atScale, NIGHTLY } from './nightly.ts'

/** A worst case of a parser, of any size. */
export interface Shape<Input> {
  /** the most bytes or characters that the parser is given, in the daemons as they are */
  readonly bound: number
  /** smaller ones are not worth measuring; 64 if left out */
  readonly least?: number
  readonly make: (size: number) => Input
  readonly read: (input: Input) => unknown
}

/** From here on a doubling is measured: half of the 2 ms from which it counts. */
const LEAST_MILLISECONDS = 1
/** Up to here a reading is done nine times a size; in the night one at the bound follows, whatever it costs. */
const MOST_MILLISECONDS = atScale(8, 60)
const TIMES = 9
const SAMPLE_MILLISECONDS = 12
const MOST_GROWTH = 3
/** A busy machine may spoil a measurement, but not four in a row. */
const ATTEMPTS = 4

/** One test: to double the input at most triples what it costs, in CPU time of this thread. */
export function doublingAtMostTriples<Input>(t: Test, name: string, shape: Shape<Input>): void {
  t.test(name, async (t) => {
    const { bound, least = 64 } = shape
    const sizes = [bound]
    while ((sizes[0] ?? 0) >= 2 * least) sizes.unshift(Math.floor((sizes[0] ?? 0) / 2))
    let before: { size: number; cost: number } | undefined
    let doublings = 0
    for (const size of sizes) {
      const cost = await medianCost(shape, size)
      if (before !== undefined && before.cost > LEAST_MILLISECONDS) {
        const growth = await growthOf(shape, before, { size, cost })
        t.ok(growth <= MOST_GROWTH, `${before.size} → ${size}: × ${growth.toFixed(2)}`)
        doublings++
      }
      before = { size, cost }
      if (cost > MOST_MILLISECONDS && doublings > 0) break
    }
    const { size = 0, cost = 0 } = before ?? {}
    if (size < bound && NIGHTLY) {
      const most = cost * MOST_GROWTH ** Math.log2(bound / size)
      const last = await cpuTime(shape.read, shape.make(bound))
      t.ok(last <= most, `${size} → ${bound}: ${last.toFixed(0)} ms, of ${most.toFixed(0)} at most`)
    }
    if (doublings === 0)
      t.equal(
        size,
        shape.bound,
        `never costs more than ${cost.toFixed(2)} ms, at its bound of ${size}`,
      )
    t.comment(`${size} of ${bound}: ${cost.toFixed(2)} ms`)
  })
}

async function growthOf<Input>(
  shape: Shape<Input>,
  small: { size: number; cost: number },
  large: { size: number; cost: number },
): Promise<number> {
  let growth = large.cost / small.cost
  for (let attempt = 1; growth > MOST_GROWTH && attempt < ATTEMPTS; attempt++)
    growth = (await medianCost(shape, large.size)) / (await medianCost(shape, small.size))
  return growth
}

/** CPU time of one reading, the median of nine; of one that is done sooner than it counts, the time on the clock. */
async function medianCost<Input>({ make, read }: Shape<Input>, size: number): Promise<number> {
  const input = make(size)
  const clock = await clockTime(read, input)
  if (clock < LEAST_MILLISECONDS) return clock
  // The kernel keeps this account in steps of a few milliseconds.
  const readings = Math.ceil(SAMPLE_MILLISECONDS / clock)
  const costs: number[] = []
  for (let time = 0; time < TIMES; time++) {
    costs.push((await cpuTime(read, input, readings)) / readings)
  }
  return costs.toSorted((a, b) => a - b)[(TIMES - 1) / 2] ?? 0
}

/** The shortest of three, or one that is long: no reading costs more CPU time than it took. */
async function clockTime<Input>(read: Shape<Input>['read'], input: Input): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY
  for (let time = 0; time < 3 && (time === 0 || shortest < 50); time++) {
    const began = performance.now()
    await read(input)
    shortest = Math.min(shortest, performance.now() - began)
  }
  return shortest
}

/** CPU time of this thread for so many readings, milliseconds. */
async function cpuTime<Input>(
  read: Shape<Input>['read'],
  input: Input,
  readings = 1,
): Promise<number> {
  const before = process.threadCpuUsage()
  for (let reading = 0; reading < readings; reading++) await read(input)
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}
