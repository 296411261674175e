import { csvLine } from './csv-line.ts'
import { familyOfRule, isDrop, type Rule, type Ruleset } from './ruleset.ts'

const HEAD = [
  ...['firewall', 'chain', 'rule', 'action', 'family', 'protocol', 'source', 'destination'],
  ...['port', 'state', 'comment'],
]

/** What each of the rules for IP itself asks for: protocol and state. */
const OF_IP: Readonly<Record<Exclude<Rule['kind'], 'flow'>, readonly [string, string]>> = {
  invalid: ['any', 'invalid'],
  established: ['any', 'established'],
  'icmp-errors': ['icmp errors', 'related'],
  'icmpv6-errors': ['icmpv6 errors', 'related'],
  'new-without-syn': ['tcp without syn', 'new'],
  'neighbour-discovery': ['icmpv6 neighbour discovery, hop limit 255', 'any'],
}

/** One line a rule, for spreadsheets and tools: of one firewall or several. */
export function csv(rulesets: readonly Ruleset[]): string {
  const rows = rulesets.flatMap(({ firewall, rules }) =>
    rules.map((rule) => {
      const family = familyOfRule(rule)
      return [
        ...[String(firewall), rule.chain, rule.id, isDrop(rule) ? 'drop' : 'accept'],
        family === undefined ? 'any' : `IPv${family}`,
        ...tuple(rule),
        rule.comment,
      ]
    }),
  )
  return [HEAD, ...rows].map(csvLine).join('')
}

/** Protocol, source, destination, port, state. */
function tuple(rule: Rule): string[] {
  if (rule.kind === 'flow') {
    const { protocol, from, to, port } = rule.flow
    return [protocol, from.network, to.address, String(port), 'new']
  }
  const [protocol, state] = OF_IP[rule.kind]
  return [protocol, 'any', 'any', 'any', state]
}
