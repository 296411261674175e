import type { DeepResult } from '../check/deep-result.ts'
import type { Plan, Probe } from '../check/plan.ts'
import type { Finding } from '../check/result.ts'
import { capture } from '../check/sentence.ts'
import { checkedFlow } from '../check/verdict.ts'
import { type DeepOptions, deepCheck } from './deep.ts'

/** All but the burst of new connections, which would disturb what is tested beside it. */
const TOGETHER = ['idle', 'mtu', 'half-close', 'bytes'] as const

/** Deep checks of every needed TCP flow of a zone that starts on this host: all at once, then the bursts one by one. */
export async function deepChecks(
  probes: readonly Probe[],
  options: DeepOptions,
): Promise<DeepResult[]> {
  const fit = probes.filter(({ expect, protocol }) => expect === 'allow' && protocol === 'tcp')
  const results = await Promise.all(
    fit.map((probe) => deepCheck(probe, { ...options, tests: TOGETHER })),
  )
  for (const [index, probe] of fit.entries()) {
    const before = results[index]
    if (before === undefined || before.note !== undefined) continue
    const { tests } = await deepCheck(probe, { ...options, tests: ['rate'] })
    results[index] = { ...before, tests: [...before.tests, ...tests] }
  }
  return results
}

/** What failed, one finding each. */
export function deepFindings(results: readonly DeepResult[], { probes }: Plan): Finding[] {
  return results.flatMap(({ flow, firewalls, tests }) => {
    const probe = probes.find(({ id }) => id === flow)
    return tests.flatMap(({ result, code, sentence }) =>
      result !== 'fail' || code === undefined || probe === undefined
        ? []
        : [
            {
              ...{ code, level: 'blocked' as const, flows: [flow], firewalls: [...firewalls] },
              ...{ sentence: `${sentence}.`, capture: capture(checkedFlow(probe)) },
            },
          ],
    )
  })
}
