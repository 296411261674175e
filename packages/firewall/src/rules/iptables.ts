import { type Family, familyOfRule, isDrop, type Rule, type Ruleset } from './ruleset.ts'

/** RFC 792 and RFC 4443; iptables takes one type a rule. */
const ICMP_TYPES = { 4: [3, 11, 12], 6: [1, 2, 3, 4] } as const

/** The rules of one family for iptables-restore or ip6tables-restore. */
export function iptables({ firewall, rules }: Ruleset, family: Family): string {
  const program = family === 4 ? 'iptables' : 'ip6tables'
  const lines = rules
    .filter((rule) => (familyOfRule(rule) ?? family) === family)
    .flatMap((rule) => linesOf(rule, family))
  return `# doublehop: the rules of firewall ${firewall} for IPv${family} (${program}-restore FILE).
#
# Everything is dropped but what stands here. That is so for the firewall itself, too: before you load
# this over the network, let yourself in at the end. It replaces all of table filter in one step.
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
${lines.join('\n')}
# Your own way in, with a comment that begins with "own:", such as
# -A INPUT -s ${family === 4 ? '10.9.0.10' : '2001:db8:9::10'} -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m comment --comment "own: ssh" -j ACCEPT
COMMIT
`
}

function linesOf(rule: Rule, family: Family): string[] {
  const chain = rule.chain === 'forward' ? 'FORWARD' : 'INPUT'
  const target = isDrop(rule) ? 'DROP' : 'ACCEPT'
  return matchesOf(rule, family).map(
    (match) => `-A ${chain} ${match} -m comment --comment "${rule.comment}" -j ${target}`,
  )
}

function matchesOf(rule: Rule, family: Family): string[] {
  switch (rule.kind) {
    case 'flow': {
      const { from, to, protocol, port } = rule.flow
      const source = from.network === 'any' ? '' : `-s ${from.network} `
      return [
        `${source}-d ${to.address} -p ${protocol} -m ${protocol} --dport ${port} ${state('NEW')}`,
      ]
    }
    case 'invalid':
      return [state('INVALID')]
    case 'established':
      return [state('ESTABLISHED')]
    case 'icmp-errors':
    case 'icmpv6-errors':
      return ICMP_TYPES[family].map((type) => `${icmp(type, family)} ${state('RELATED')}`)
    case 'new-without-syn':
      return [`-p tcp -m tcp ! --syn ${state('NEW')}`]
    case 'neighbour-discovery':
      return [135, 136].map((type) => `${icmp(type, family)} -m hl --hl-eq 255`)
  }
}

function icmp(type: number, family: Family): string {
  return family === 4
    ? `-p icmp -m icmp --icmp-type ${type}`
    : `-p ipv6-icmp -m icmp6 --icmpv6-type ${type}`
}

function state(name: string): string {
  return `-m conntrack --ctstate ${name}`
}
