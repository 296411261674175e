import type { Plan } from '@doublehop/firewall/check/plan'
import type { Row } from '@doublehop/firewall/check/result'
import { type CheckOptions, runCheck } from '@doublehop/firewall/check/run'
import { openWitness } from '@doublehop/firewall/check/witness'
import { answerErrand } from './errand.ts'

/** A check of one host of the lab. */
export interface CheckErrand
  extends Pick<CheckOptions, 'timeoutMilliseconds' | 'only' | 'ticket' | 'deep'> {
  readonly plan: Plan
}

answerErrand(async ({ plan, ...options }: CheckErrand, { signal, notice }) => {
  const witness = await openWitness()
  const onRow = ({ flow, verdict }: Row): void => {
    // Another host runs the others.
    if (verdict !== 'SKIP') notice(flow.id)
  }
  try {
    return await runCheck(plan, { ...options, witness, signal, onRow })
  } finally {
    witness?.close()
  }
})
