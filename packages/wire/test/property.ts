import { isFault } from '@doublehop/errors/fault'
import fc from 'fast-check'
import type { Test } from 'tap'

/** The same inputs every time; a failure tells this seed and the path to its smallest input. */
const SEED = 0x2026

type Arbitraries<Inputs extends unknown[]> = { [At in keyof Inputs]: fc.Arbitrary<Inputs[At]> }

/** One test: what is claimed holds for every input. The claim throws (node:assert) where it does not. */
export function holds<Inputs extends [unknown, ...unknown[]]>(
  t: Test,
  promise: string,
  inputs: Arbitraries<Inputs>,
  claim: (...input: Inputs) => void,
  { runs = 1000 } = {},
): void {
  t.test(promise, async (t) => {
    fc.assert(fc.property<Inputs>(...inputs, claim), { seed: SEED, numRuns: runs })
    t.pass(`${runs} inputs`)
  })
}

/** One test: whatever is put in, it comes to an end, and what it throws is a Fault. */
export function throwsOnlyFaults<Input>(
  t: Test,
  promise: string,
  input: fc.Arbitrary<Input>,
  parse: (input: Input) => unknown,
  { runs = 5000 } = {},
): void {
  const claim = (one: Input) => {
    try {
      parse(one)
    } catch (caught) {
      if (!isFault(caught)) throw caught
    }
  }
  holds<[Input]>(t, promise, [input], claim, { runs })
}
