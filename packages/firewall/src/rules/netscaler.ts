import { spell } from './networks.ts'
import {
  type Family,
  type FlowRule,
  familyOfRule,
  type Rule,
  type Ruleset,
  rulesOf,
} from './ruleset.ts'
import { shortName } from './short-name.ts'

const ICMP_TYPES = { 4: [3, 11, 12], 6: [1, 2, 3, 4] } as const
const DISCOVERY = [135, 136]
/** Room to put rules of one's own between. */
const STEP = 10
const NAME = 127

/**
 * Extended ACLs of a NetScaler. It makes a session for what a rule with `-stateful YES` lets through, so that answers
 * need no rule.
 */
export function netscaler(ruleset: Ruleset): string {
  const families = ruleset.families.map((family) => ofFamily(ruleset, family))
  return `# doublehop: the rules of firewall ${ruleset.firewall}, for a NetScaler that forwards between the zones (batch -fileName FILE).
#
# Everything is denied but what stands here. That is so for the NetScaler itself, too: before you apply this,
# let in what reaches its own addresses (NSIP, SNIP, high availability), with a priority below ${STEP}.
${families.join('')}`
}

function ofFamily(ruleset: Ruleset, family: Family): string {
  const acl = family === 4 ? 'acl' : 'acl6'
  const all = [...rulesOf(ruleset, 'forward'), ...rulesOf(ruleset, 'input')]
    .filter((rule) => familyOfRule(rule) === family)
    .filter(({ id }) => !/^input-icmp/.test(id))
  const names = new Set<string>()
  let priority = 0
  const line = (name: string, what: string): string => {
    priority += STEP
    return `add ns ${acl} ${name} ${what} -priority ${priority}`
  }
  const lines = all.flatMap((rule) => [
    `# ${rule.comment}`,
    ...conditions(rule, family).map(({ suffix, what }) =>
      line(shortName(`doublehop-${rule.id}${suffix}`, NAME, names), `ALLOW ${what}`),
    ),
  ])
  const deny = line('doublehop-deny', 'DENY')
  return `${[...lines, '# everything else', deny, `apply ns ${family === 4 ? 'acls' : 'acls6'}`].join('\n')}\n`
}

function conditions(rule: Rule, family: Family): { suffix: string; what: string }[] {
  if (rule.kind === 'flow') return [{ suffix: '', what: flowConditions(rule) }]
  const protocol = family === 4 ? 'ICMP' : 'ICMPV6'
  const types = rule.kind === 'neighbour-discovery' ? DISCOVERY : ICMP_TYPES[family]
  return types.map((type) => ({
    suffix: `-${type}`,
    what: `-protocol ${protocol} -icmpType ${type}`,
  }))
}

function flowConditions({ flow: { from, to, protocol, port, family } }: FlowRule): string {
  const ip = family === 4 ? 'IP' : 'IPv6'
  const source = spell(from.network)
  const range = `${source?.first}-${source?.last}`
  // A range of IPv6 addresses stands in brackets.
  const span = source?.isHost ? source.first : family === 4 ? range : `[${range}]`
  return [
    ...(source === undefined ? [] : [`-src${ip} = ${span}`]),
    `-dest${ip} = ${to.address} -destPort = ${port} -protocol ${protocol.toUpperCase()}`,
    '-stateful YES',
  ].join(' ')
}
