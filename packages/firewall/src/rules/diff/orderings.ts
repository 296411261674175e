import type { Family } from '../ruleset.ts'
import { familyPackets } from './fields.ts'
import type { LoadedChain, LoadedRule } from './loaded.ts'
import { isPartOf } from './packets.ts'
import { left } from './walk.ts'

/** The rules that a packet meets, in order. */
export interface Ordering {
  readonly rules: readonly LoadedRule[]
  /** what no rule decides about is dropped */
  readonly closed: boolean
}

/**
 * What packets meet at one hook. Where several chains stand there a packet must pass each of them: each that drops by
 * default must accept what is wanted, and what any other chain drops is gone before.
 *
 * @param chains with the rules of one family @returns never empty
 */
export function orderings(chains: readonly LoadedChain[], family: Family): readonly Ordering[] {
  const closed = chains.filter((one) => isClosed(one, family))
  if (closed.length === 0) return [{ rules: chains.flatMap(({ rules }) => rules), closed: false }]
  const elsewhere = chains.filter((one) => !closed.includes(one)).flatMap(drops)
  return closed.map(({ rules }) => ({ rules: [...elsewhere, ...rules], closed: true }))
}

/** By its policy, or by a rule that drops all that comes to it. */
function isClosed({ policy, rules }: LoadedChain, family: Family): boolean {
  const all = familyPackets(family)
  return policy === 'drop' || rules.some((rule) => isSureDrop(rule) && isPartOf(all, rule.packets))
}

/** A drop of all packets it speaks of, on whatever interface. */
export function isSureDrop({ verdict, interfaces, unsure, bypassed }: LoadedRule): boolean {
  return verdict !== 'accept' && !interfaces && !unsure && !bypassed
}

/** An accept of all packets it speaks of, if its interfaces are the right ones. */
export function isSureAccept({ verdict, unsure }: LoadedRule): boolean {
  return verdict === 'accept' && !unsure
}

/** What a chain drops although it lets the rest pass. */
function drops({ rules }: LoadedChain): LoadedRule[] {
  return rules.flatMap((rule, index) => {
    if (!isSureDrop(rule)) return []
    const before = rules.slice(0, index).filter(({ verdict }) => verdict === 'accept')
    return left([rule.packets], before).map((packets) => ({ ...rule, packets }))
  })
}
