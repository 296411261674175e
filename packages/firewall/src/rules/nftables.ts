import {
  type FlowRule,
  ICMP_ERRORS,
  ICMPV6_ERRORS,
  isDrop,
  type Rule,
  type Ruleset,
  rulesOf,
} from './ruleset.ts'

/** The table that holds all of it, so that it is replaced as a whole and touches nothing beside it. */
const TABLE = 'table inet doublehop'

export type Verdict = 'accept' | 'drop' | 'reject'

/** The rules for `nft -f`. Loading them again replaces them in one step. */
export function nftables(ruleset: Ruleset): string {
  const { firewall } = ruleset
  return `# doublehop: the rules of firewall ${firewall}, for nftables (nft -f FILE).
#
# Everything is dropped but what stands here. That is so for the firewall itself, too: before you load
# this over the network, let yourself in where chain input says so. Loading it again replaces it in one
# step; established connections stay.

${TABLE}
delete ${TABLE}

${TABLE} {
	chain forward {
		type filter hook forward priority filter; policy drop;

${lines(rulesOf(ruleset, 'forward'))}
		# No neighbour discovery here: it never leaves its link.
	}

	chain input {
		type filter hook input priority filter; policy drop;

${lines(rulesOf(ruleset, 'input'))}
		# Your own way in, with comments that begin with "own:", such as
		# iif lo accept comment "own: programs of this host"
		# ip saddr 10.9.0.10 tcp dport 22 ct state new accept comment "own: ssh"
	}
}
`
}

/** One rule without its table and chain, as `nft add rule` takes it. @param verdict another than the ruleset's own */
export function nftablesRule(rule: Rule, verdict: Verdict = verdictOf(rule)): string {
  return `${matchOf(rule)} counter ${verdict} comment "${rule.comment}"`
}

function verdictOf(rule: Rule): Verdict {
  return isDrop(rule) ? 'drop' : 'accept'
}

function lines(rules: readonly Rule[]): string {
  return rules.map((rule) => `\t\t${nftablesRule(rule)}\n`).join('')
}

function matchOf(rule: Rule): string {
  switch (rule.kind) {
    case 'flow':
      return matchOfFlow(rule)
    case 'invalid':
    case 'established':
      return `ct state ${rule.kind}`
    case 'icmp-errors':
      return `ct state related icmp type { ${ICMP_ERRORS.join(', ')} }`
    case 'icmpv6-errors':
      return `ct state related icmpv6 type { ${ICMPV6_ERRORS.join(', ')} }`
    case 'new-without-syn':
      return 'tcp flags & (fin | syn | rst | ack) != syn ct state new'
    case 'neighbour-discovery':
      // Nobody beyond the link can send a hop limit of 255 (RFC 4861, 7.1).
      return 'ip6 hoplimit 255 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }'
  }
}

function matchOfFlow({ flow: { family, from, to, protocol, port } }: FlowRule): string {
  const ip = family === 4 ? 'ip' : 'ip6'
  const source = from.network === 'any' ? '' : `${ip} saddr ${from.network} `
  return `${source}${ip} daddr ${to.address} ${protocol} dport ${port} ct state new`
}
