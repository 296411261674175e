import t from 'tap'
import { COLUMNS, killInSteps } from '../kit/kills.ts'
import { atScale, NIGHTLY } from '../kit/nightly.ts'
import { missing } from '../kit/tools.ts'

/** Scenes mostly wait: for restarts, denials and repeated SYNs. */
t.jobs = 6
t.setTimeout(atScale(240_000, 900_000))

/** On every change the cells that are not as with redeemAt: gateway, of the daemons they are about. */
const steps = atScale([5, 2, 4], undefined)

for (const name of NIGHTLY ? COLUMNS : (['gateway', 'proxy', 'sta'] as const)) {
  const skip = name === 'sta with Redis' && missing('redis-server')
  t.test(`redeemAt: proxy: the ${name} is killed`, { skip, buffered: true }, async (t) => {
    await killInSteps(t, { redeemAt: 'proxy', name }, steps)
  })
}
