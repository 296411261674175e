import type { Plan } from '@doublehop/firewall/check/plan'
import { type CheckOptions, runCheck } from '@doublehop/firewall/check/run'
import { openWitness } from '@doublehop/firewall/check/witness'

/** Runs a check each time it is told to, so that no test pays for starting a process a hundred times. */
export interface Task extends Pick<CheckOptions, 'timeoutMilliseconds' | 'only'> {
  readonly plan: Plan
}

const witness = await openWitness()

process.on('message', ({ plan, ...options }: Task) => {
  void runCheck(plan, { ...options, witness }).then((result) => process.send?.(result))
})
process.once('disconnect', () => process.exit())
process.send?.('ready')
