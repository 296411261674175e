import { spell } from './networks.ts'
import { type FlowRule, type Rule, type Ruleset, rulesOf } from './ruleset.ts'

/** A remark holds no more. */
const REMARK = 100

/** ICMP messages as access lists of an ASA call them. */
const ERRORS = {
  'icmp-errors': ['icmp any4 any4', ['unreachable', 'time-exceeded', 'parameter-problem']],
  'icmpv6-errors': [
    'icmp6 any6 any6',
    ['unreachable', 'packet-too-big', 'time-exceeded', 'parameter-problem'],
  ],
} as const

/**
 * An extended access list for an ASA (9.0 or later: one list holds both families), applied to all interfaces. The ASA
 * itself keeps the state: answers need no entry, TCP begins with SYN, and of ICMP errors only those about a connection
 * it knows pass.
 */
export function ciscoAsa(ruleset: Ruleset): string {
  const list = `DOUBLEHOP-${ruleset.firewall}`
  const entries = rulesOf(ruleset, 'forward').flatMap((rule) => entriesOf(rule, list))
  return `! doublehop: the rules of firewall ${ruleset.firewall}, for a Cisco ASA (9.0 or later), in configuration mode.
!
! Everything is denied but what stands here. Traffic to the ASA itself is no matter of this list: ssh, http,
! and icmp commands rule that, and neighbor discovery stays allowed. While the list is replaced the ASA
! forwards by security levels: do it in a maintenance window, or in a configuration session.
clear configure access-list ${list}
${entries.join('\n')}
access-list ${list} remark everything else
access-list ${list} extended deny ip any any log
access-group ${list} global
`
}

function entriesOf(rule: Rule, list: string): string[] {
  const lines = linesOf(rule)
  if (lines.length === 0) return []
  return [
    `access-list ${list} remark ${rule.comment.slice(0, REMARK)}`,
    ...lines.map((line) => `access-list ${list} extended permit ${line}`),
  ]
}

function linesOf(rule: Rule): string[] {
  if (rule.kind === 'flow') return [flowLine(rule)]
  if (rule.kind !== 'icmp-errors' && rule.kind !== 'icmpv6-errors') return []
  const [line, types] = ERRORS[rule.kind]
  return types.map((type) => `${line} ${type}`)
}

function flowLine({ flow: { from, to, protocol, port, family } }: FlowRule): string {
  return `${protocol} ${place(from.network, family)} ${place(to.address, family)} eq ${port}`
}

function place(network: string, family: 4 | 6): string {
  const spelled = spell(network)
  if (spelled === undefined) return `any${family}`
  const { first, isHost, mask, bits } = spelled
  if (isHost) return `host ${first}`
  return family === 4 ? `${first} ${mask}` : `${first}/${bits}`
}
