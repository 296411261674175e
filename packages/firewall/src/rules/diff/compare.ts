import { type Chain, type Family, isDrop, type Rule, type Ruleset, rulesOf } from '../ruleset.ts'
import { extrasIn } from './extra.ts'
import { familyPackets } from './fields.ts'
import { type Lack, lackOf } from './lack.ts'
import type { Loaded, LoadedChain, LoadedRule, Written } from './loaded.ts'
import { orderings } from './orderings.ts'
import { meet } from './packets.ts'

/** What is loaded, held against what is wanted. */
export interface Comparison {
  readonly differences: readonly Difference[]
  /** accepted for the firewall itself, with a comment that says that it is meant */
  readonly own: readonly LoadedRule[]
  /** in part at least: they count as no wanted rule, but an accept among them may be a hole */
  readonly notUnderstood: readonly Written[]
  /** they name interfaces, which are taken to be the right ones */
  readonly interfaces: readonly LoadedRule[]
  /** chains at other hooks, which are not compared */
  readonly elsewhere: readonly Written[]
}

export type Difference = MissingRule | ExtraRule | ShadowedRule | WrongPolicy

interface InChain {
  readonly chain: Chain
  /** the families in which it is so */
  readonly families: readonly Family[]
}
export interface MissingRule extends InChain {
  readonly kind: 'missing'
  readonly rule: Rule
}
/** A loaded rule that lets through what no rule wants. */
export interface ExtraRule extends InChain {
  readonly kind: 'extra'
  readonly loaded: LoadedRule
  /** the wanted rules it covers, and more */
  readonly widerThan: readonly Rule[]
}
/** A rule that is there and never reached, or a drop that comes too late. */
export interface ShadowedRule extends InChain {
  readonly kind: 'shadowed'
  readonly rule: Rule
  readonly by: readonly LoadedRule[]
}
export interface WrongPolicy extends InChain {
  readonly kind: 'policy'
  /** the chains at that hook; none when nothing filters there */
  readonly at: readonly string[]
}

/**
 * Holds what a firewall has loaded against the rules it should have.
 *
 * A rule is there when what it decides about is decided so, in one rule or several, however they are written. Only the
 * families that the listing tells of are compared.
 *
 * @throws Fault DH_FW_LOADED when rules overlap too intricately
 */
export function compare(ruleset: Ruleset, loaded: Loaded): Comparison {
  const found: Difference[] = []
  for (const chain of ['forward', 'input'] as const)
    for (const family of loaded.families) found.push(...inFamily(ruleset, loaded, chain, family))
  const rules = loaded.chains.flatMap(({ chain, rules }) => rules.map((rule) => ({ chain, rule })))
  return {
    differences: inOrder(merged(found)),
    own: unique(rules.flatMap(({ chain, rule }) => (isOwn(chain, rule) ? [rule] : []))),
    notUnderstood: unique([
      ...loaded.chains.flatMap(({ notUnderstood }) => notUnderstood),
      ...rules.flatMap(({ rule }) => (rule.unsure ? [rule] : [])),
    ]),
    interfaces: unique(rules.flatMap(({ rule }) => (rule.interfaces ? [rule] : []))),
    elsewhere: loaded.elsewhere,
  }
}

/** What the file itself invites to add: a way in for whoever administers the firewall. */
function isOwn(chain: Chain, { verdict, comment = '' }: LoadedRule): boolean {
  return chain === 'input' && verdict === 'accept' && comment.startsWith('own:')
}

function inFamily(
  ruleset: Ruleset,
  loaded: Loaded,
  chain: Chain,
  family: Family,
): readonly Difference[] {
  const chains = loaded.chains.filter((one) => one.chain === chain && one.families.includes(family))
  const lists = orderings(
    chains.map((one) => only(one, family)),
    family,
  )
  const policy: WrongPolicy[] = lists.every(({ closed }) => !closed)
    ? [{ kind: 'policy', chain, families: [family], at: chains.map(({ name }) => name) }]
    : []
  const wanted = rulesOf(ruleset, chain)
  const within = ruleset.families.includes(family) ? wanted : []
  const extras = extrasIn(lists, wanted, (rule) => isOwn(chain, rule))
  const isExtra = new Set(extras.map(({ loaded }) => loaded))
  const lacks = within.flatMap((rule) => {
    const each = lists.map(({ rules }) => lackOf(rule, family, rules, isExtra))
    // Every chain must accept a packet, and one is enough to drop it.
    if (isDrop(rule) && each.includes(undefined)) return []
    return each.flatMap((lack) => lack ?? [])
  })
  const at = { chain, families: [family] }
  return [
    ...policy,
    ...lacks.map((lack: Lack) => ({ ...lack, ...at })),
    ...extras.map((extra) => ({ kind: 'extra', ...extra, ...at }) as const),
  ]
}

/** The rules of a chain as far as they speak of one family. */
function only(chain: LoadedChain, family: Family): LoadedChain {
  const packets = familyPackets(family)
  const rules = chain.rules.flatMap((rule) => {
    const both = meet(rule.packets, packets)
    return both === undefined ? [] : [{ ...rule, packets: both }]
  })
  return { ...chain, rules }
}

/** The same of both families, and of several chains, is told once. */
function merged(all: readonly Difference[]): Difference[] {
  const found = new Map<string, Difference>()
  for (const one of all) {
    const key = keyOf(one)
    const before = found.get(key)
    const families = [...new Set([...(before?.families ?? []), ...one.families])]
    found.set(key, { ...(before ?? one), families })
  }
  return [...found.values()]
}

function keyOf(one: Difference): string {
  if (one.kind === 'extra') return `extra ${one.loaded.at}`
  if (one.kind === 'policy') return `policy ${one.chain} ${one.at.join(' ')}`
  return `${one.kind} ${one.rule.id}`
}

const ORDER: readonly Difference['kind'][] = ['policy', 'extra', 'shadowed', 'missing']

/** The worst first: what lets too much through. */
function inOrder(all: readonly Difference[]): readonly Difference[] {
  return ORDER.flatMap((kind) => all.filter((one) => one.kind === kind))
}

function unique<T extends Written>(all: readonly T[]): readonly T[] {
  return [...new Map(all.map((one) => [one.at, one])).values()]
}
