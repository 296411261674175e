import { fault } from '@doublehop/errors/fault'
import { awsSecurityGroup, awsSecurityGroups } from './aws-security-group.ts'
import { ciscoAsa } from './cisco-asa.ts'
import { csv } from './csv.ts'
import type { RuleFormat } from './format-names.ts'
import { iptables } from './iptables.ts'
import { netscaler } from './netscaler.ts'
import { nftables } from './nftables.ts'
import { panOs } from './pan-os.ts'
import { type Family, familyOfRule, type Ruleset } from './ruleset.ts'

/**
 * The rules of one firewall, ready to be loaded.
 *
 * @param family for iptables, which speaks one at a time; may be left out where the configuration speaks one
 * @throws Fault DH_USAGE
 */
export function formatRules(ruleset: Ruleset, format: RuleFormat, family?: Family): string {
  const known = family === undefined ? ruleset : onlyFamily(ruleset, family)
  switch (format) {
    case 'nftables':
      return nftables(known)
    case 'iptables':
      return iptables(known, oneFamily(known))
    case 'cisco-asa':
      return ciscoAsa(known)
    case 'pan-os':
      return panOs(known)
    case 'aws-security-group':
      return awsSecurityGroup(known)
    case 'netscaler':
      return netscaler(known)
    case 'csv':
      return csv([known])
  }
}

/**
 * The rules of several firewalls, to be read: as one table where the format says which firewall is meant, else one
 * after the other with lines between them that no firewall would load.
 *
 * @throws Fault DH_USAGE
 */
export function formatAllRules(
  rulesets: readonly Ruleset[],
  format: RuleFormat,
  family?: Family,
): string {
  const known = rulesets.map((one) => (family === undefined ? one : onlyFamily(one, family)))
  if (format === 'csv') return csv(known)
  if (format === 'aws-security-group')
    return `${JSON.stringify(known.flatMap(awsSecurityGroups), undefined, 2)}\n`
  return known
    .map((one) => `===== firewall ${one.firewall} =====\n\n${formatRules(one, format)}`)
    .join('\n')
}

/** A ruleset as far as it speaks of one family. @throws Fault DH_USAGE when there is nothing of it */
function onlyFamily(ruleset: Ruleset, family: Family): Ruleset {
  if (!ruleset.families.includes(family))
    throw fault('DH_USAGE', { why: `the configuration has no IPv${family} address` })
  return {
    ...ruleset,
    families: [family],
    rules: ruleset.rules.filter((rule) => (familyOfRule(rule) ?? family) === family),
  }
}

function oneFamily({ families }: Ruleset): Family {
  const [family, more] = families
  if (family !== undefined && more === undefined) return family
  throw fault('DH_USAGE', {
    why: 'iptables and ip6tables are loaded apart: say --family 4 or --family 6',
  })
}
