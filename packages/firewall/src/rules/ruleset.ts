import { type Flow, stepsText } from '../flows/flow.ts'
import type { Firewall } from '../flows/paths.ts'

/**
 * What one firewall must let through, and nothing else: whatever no rule accepts is dropped. The same rules whatever
 * product they are written for.
 */
export interface Ruleset {
  readonly firewall: Firewall
  /** the families that the whole configuration speaks, not only the flows of this firewall */
  readonly families: readonly Family[]
  /** in order: the first that matches decides */
  readonly rules: readonly Rule[]
}

export type Family = 4 | 6

/** What is passed on to another zone, and what is meant for the firewall itself. */
export type Chain = 'forward' | 'input'

export type Rule = FlowRule | IpRule

/** One rule a flow: one source, one destination, one protocol, one port, new connections only. */
export interface FlowRule {
  readonly kind: 'flow'
  /** the id of the flow */
  readonly id: string
  readonly chain: 'forward'
  readonly flow: Flow
  /** `gateway-proxy-1080: steps 2, 5` */
  readonly comment: string
}

/** What IP itself needs. */
export interface IpRule {
  readonly kind:
    | 'invalid'
    | 'established'
    | 'icmp-errors'
    | 'icmpv6-errors'
    | 'new-without-syn'
    | 'neighbour-discovery'
  /** the kind; in chain input with `input-` before it, so that it is unique */
  readonly id: string
  readonly chain: Chain
  readonly comment: string
}

/** RFC 792 and RFC 1812: the errors that a connection needs to hear of. Fragmentation needed is an unreachable. */
export const ICMP_ERRORS = ['destination-unreachable', 'time-exceeded', 'parameter-problem']
/** RFC 4443, 3; without packet-too-big no large segment passes a narrow link (RFC 4890, 4.3.1). */
export const ICMPV6_ERRORS = [
  'destination-unreachable',
  'packet-too-big',
  'time-exceeded',
  'parameter-problem',
]

/** Longer comments are refused by nft (128 bytes with the closing zero). */
const COMMENT_BYTES = 127

/** The rules of one firewall. @param flows as flowsOf() tells them; those of other firewalls are passed over */
export function rulesetOf(flows: readonly Flow[], firewall: Firewall): Ruleset {
  const families = ([4, 6] as const).filter((family) =>
    flows.some((flow) => flow.family === family),
  )
  const passing = flows.filter(
    ({ expect, firewalls }) => expect === 'allow' && firewalls.includes(firewall),
  )
  return {
    firewall,
    families,
    rules: [...forwardOfIp(families), ...passing.map(flowRule), ...inputOfIp(families)],
  }
}

/** The chains of a ruleset, as they are written. */
export function rulesOf({ rules }: Ruleset, chain: Chain): readonly Rule[] {
  return rules.filter((rule) => rule.chain === chain)
}

/** The family that alone a rule speaks of; undefined where it speaks of both. */
export function familyOfRule(rule: Rule): Family | undefined {
  if (rule.kind === 'flow') return rule.flow.family
  if (rule.kind === 'icmp-errors') return 4
  if (rule.kind === 'icmpv6-errors' || rule.kind === 'neighbour-discovery') return 6
  return undefined
}

export function isDrop({ kind }: Rule): boolean {
  return kind === 'invalid' || kind === 'new-without-syn'
}

function forwardOfIp(families: readonly Family[]): IpRule[] {
  return [
    ipRule('forward', 'invalid', 'belongs to no connection'),
    ipRule('forward', 'established', 'answers and all later packets'),
    ...icmpErrors('forward', families),
    ipRule('forward', 'new-without-syn', 'TCP begins with SYN'),
    // No neighbour discovery here: its hop limit is 255 (RFC 4861, 7.1), so whatever was passed on is none.
  ]
}

/** The firewall as a host of its own: it hears errors, finds its neighbours, and gets answers to what it asked. */
function inputOfIp(families: readonly Family[]): IpRule[] {
  return [
    ipRule('input', 'established', 'answers to the firewall itself'),
    ...icmpErrors('input', families),
    ...(families.includes(6)
      ? [ipRule('input', 'neighbour-discovery', 'RFC 4861, from the link itself')]
      : []),
  ]
}

function icmpErrors(chain: Chain, families: readonly Family[]): IpRule[] {
  return families.map((family) =>
    family === 4
      ? ipRule(chain, 'icmp-errors', 'errors about its connections')
      : ipRule(chain, 'icmpv6-errors', 'errors about its connections'),
  )
}

function ipRule(chain: Chain, kind: IpRule['kind'], what: string): IpRule {
  const id = chain === 'input' ? `input-${kind}` : kind
  return { kind, id, chain, comment: `${id}: ${what}` }
}

function flowRule(flow: Flow): FlowRule {
  const reason = stepsText(flow.steps) || flow.why
  return {
    ...{ kind: 'flow', id: flow.id, chain: 'forward', flow },
    comment: short(`${flow.id}: ${reason}`),
  }
}

/** Plain ASCII on one line without quotes: a comment stands in files of several languages. */
function short(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]|["'\\`$]/g, '_')
  return plain.length <= COMMENT_BYTES ? plain : `${plain.slice(0, COMMENT_BYTES - 3)}...`
}
