import { networkInterfaces } from 'node:os'
import { fault } from '@doublehop/errors/fault'
import type { Plan } from '@doublehop/firewall/check/plan'
import { planOf } from '@doublehop/firewall/check/plan-of'
import { AddressBook } from '@doublehop/firewall/flows/address-book'
import { flowsOf } from '@doublehop/firewall/flows/flows'
import { ZONES, type Zone } from '@doublehop/settings/zones'
import { type ConfigurationOptions, loadConfiguration } from './configuration-file.ts'
import { readPlan } from './result-files.ts'

export interface PlanOptions extends ConfigurationOptions {
  readonly plan?: string | undefined
  readonly zone?: Zone | undefined
}

/**
 * What this host is to check: a plan, the zone that was named, or every zone in which a flow starts from one of its
 * addresses.
 *
 * @throws Fault DH_FW_FILE, DH_FW_NOT_HERE, DH_CONFIG…, DH_NO_LAB, and those of planOf
 */
export function plansHere({ plan, zone, ...where }: PlanOptions): Plan[] {
  if (plan !== undefined) return [readPlan(plan)]
  const settings = loadConfiguration(where)
  if (zone !== undefined) return [planOf(settings, zone)]
  const own = ownAddresses()
  const starts = flowsOf(settings).filter(({ from }) => own.includes(from.address ?? ''))
  const zones = ZONES.filter((one) => starts.some(({ from }) => from.zone === one))
  if (zones.length === 0) throw fault('DH_FW_NOT_HERE', { addresses: own.join(', ') })
  return zones.map((one) => planOf(settings, one))
}

/** What an interface of this host has, in canonical form. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) =>
    all.map(({ address }) => AddressBook.canonical(address)),
  )
}
