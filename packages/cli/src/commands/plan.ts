import { planOf } from '@doublehop/firewall/check/plan-of'
import { printableJson } from '@doublehop/firewall/formats/printable'
import type { Zone } from '@doublehop/settings/zones'
import { type ConfigurationOptions, loadConfiguration } from '../configuration-file.ts'

/** doublehop plan: the probes of one zone, for a host that need not know the others. */
export function plan(options: ConfigurationOptions & { readonly zone: Zone }): void {
  const made = planOf(loadConfiguration(options), options.zone)
  process.stdout.write(`${printableJson(made, 2)}\n`)
}
