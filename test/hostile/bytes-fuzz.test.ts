import t from 'tap'
import { parsers } from '../kit/fuzz/parsers.ts'
import { fuzz } from '../kit/fuzz/run.ts'
import type { Figures } from '../kit/fuzz/worker.ts'
import { atScale } from '../kit/nightly.ts'

/** Whatever bytes come, every parser accepts them or refuses them with a fault of ours: nothing else, and soon. */

const INPUTS = atScale(50_000, 1_000_000)
/** The same inputs on every change, others every night; a seed that is given comes again. */
const SEED = Number(
  process.env.DOUBLEHOP_FUZZ_SEED ?? atScale(0x2026, Math.floor(Date.now() / 86_400_000)),
)
/** CPU ms of any single input. */
const SLOWEST = 3000

t.setTimeout(atScale(300_000, 900_000))

t.test(`mutated inputs, seed ${SEED}`, async (t) => {
  const all: Figures[] = []
  const hanging = await fuzz(SEED, INPUTS, (figures) => {
    all.push(figures)
    const { parser, inputs, verdicts, milliseconds, slowest, broken } = figures
    t.test(`${parser}: ${inputs} inputs are accepted or refused with our fault`, async (t) => {
      t.equal(broken, undefined, `no other exception (seed ${SEED})`)
      t.ok(verdicts.accepted > 0, `${verdicts.accepted} accepted`)
      t.ok(verdicts.refused > 0, `${verdicts.refused} refused, ${verdicts.waits} wait for more`)
      t.ok(slowest < SLOWEST, `the slowest took ${slowest.toFixed(1)} ms`)
      t.comment(`${(milliseconds / 1000).toFixed(1)} s`)
    })
  })
  t.equal(hanging, undefined, 'none hangs')
  t.equal(all.length, parsers.length, 'every parser was fed')
  const fed = all.reduce((sum, { inputs }) => sum + inputs, 0)
  t.ok(fed >= INPUTS, `${fed} inputs`)
})
