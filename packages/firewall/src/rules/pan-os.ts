import { type Firewall, legsOn } from '../flows/paths.ts'
import { asCidr, spell } from './networks.ts'
import { type FlowRule, type Ruleset, rulesOf } from './ruleset.ts'
import { shortName } from './short-name.ts'

/** Names of rules are no longer. */
const NAME = 63

/**
 * Security rules of PAN-OS as set commands. The firewall itself keeps the state: answers and ICMP errors belong to the
 * session they are about, and need no rule.
 */
export function panOs(ruleset: Ruleset): string {
  const flows = rulesOf(ruleset, 'forward').filter((rule) => rule.kind === 'flow')
  const names = new Set<string>()
  const services = [...new Set(flows.map(serviceOf))]
  return `# doublehop: the rules of firewall ${ruleset.firewall}, for PAN-OS, in configure mode; then commit.
#
# Everything between zones is denied but what stands here. The zones are called as in doublehop.yaml: rename them to
# yours. The management interface is no matter of these rules.
set deviceconfig setting session tcp-reject-non-syn yes
${services.map((service) => `set service ${service} protocol ${service.split('-')[1]} port ${service.split('-')[2]}\n`).join('')}${flows.map((rule) => `${securityRule(rule, shortName(rule.id, NAME, names), ruleset.firewall)}\n`).join('')}set rulebase default-security-rules rules interzone-default action deny log-end yes
`
}

function securityRule({ flow, comment }: FlowRule, name: string, firewall: Firewall): string {
  const { from, to, family } = flow
  const legs = legsOn(firewall, flow)
  const spelled = spell(from.network)
  const source = spelled?.isHost ? spelled.first : asCidr(from.network, family)
  return [
    `set rulebase security rules ${name}`,
    `from ${from.network === 'any' ? 'any' : legs.from} to ${legs.to}`,
    `source ${source} destination ${to.address}`,
    `application any service ${serviceOf({ flow })} action allow`,
    `description "${comment}"`,
  ].join(' ')
}

function serviceOf({ flow: { protocol, port } }: Pick<FlowRule, 'flow'>): string {
  return `doublehop-${protocol}-${port}`
}
