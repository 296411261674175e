import { join } from 'node:path'
import { planOf } from '@doublehop/firewall/check/plan-of'
import type { CheckResult } from '@doublehop/firewall/check/result'
import type { Settings } from '@doublehop/settings/schema'
import type { Zone } from '@doublehop/settings/zones'
import type { Isolation } from '../lab-state.ts'
import type { CheckErrand } from './check-errand.ts'
import { prefixInto } from './enter.ts'
import { type ErrandOptions, runErrand } from './errand.ts'
import { LAB_HOSTS, zoneOf } from './topology.ts'

const MODULE = join(import.meta.dirname, 'check-errand.ts')

/**
 * Checks from every host of an isolated lab, or from those of one zone, each in its namespace.
 *
 * @param errand its notices are the ids of flows that have been judged
 */
export async function checkInside(
  isolation: Isolation,
  settings: Settings,
  zone: Zone | undefined,
  options: Omit<CheckErrand, 'plan'>,
  errand: ErrandOptions = {},
): Promise<CheckResult[]> {
  const hosts = LAB_HOSTS.filter((host) => zone === undefined || zoneOf(host) === zone)
  return await Promise.all(
    hosts.map((host) => {
      const question: CheckErrand = { plan: planOf(settings, zoneOf(host)), ...options }
      const prefix = prefixInto(host, isolation)
      return runErrand<CheckErrand, CheckResult>(prefix, MODULE, question, errand)
    }),
  )
}
