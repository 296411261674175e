import t from 'tap'
import { COLUMNS, killInSteps } from '../kit/kills.ts'
import { atScale } from '../kit/nightly.ts'
import { missing } from '../kit/tools.ts'

/** Scenes mostly wait: for restarts, denials and repeated SYNs. */
t.jobs = 6
t.setTimeout(atScale(240_000, 900_000))

for (const name of COLUMNS) {
  const redis = name === 'sta with Redis'
  const skip = redis && missing('redis-server')
  t.test(`redeemAt: gateway: the ${name} is killed`, { skip, buffered: true }, async (t) => {
    const steps = redis ? atScale([2, 3, 4], undefined) : undefined
    await killInSteps(t, { redeemAt: 'gateway', name }, steps)
  })
}
