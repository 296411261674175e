import { type Family, isDrop, type Rule } from '../ruleset.ts'
import { familyPackets } from './fields.ts'
import type { LoadedRule } from './loaded.ts'
import { isSureAccept, isSureDrop } from './orderings.ts'
import { areApart, isPartOf, meet, minus, type Packets } from './packets.ts'
import { left } from './walk.ts'
import { allowedBy, packetsOf } from './wanted.ts'

/** A wanted rule that is not there, or there and without effect. */
export type Lack =
  | { readonly kind: 'missing'; readonly rule: Rule }
  | { readonly kind: 'shadowed'; readonly rule: Rule; readonly by: readonly LoadedRule[] }

type Lookup = (
  rule: Rule,
  packets: Packets,
  rules: readonly LoadedRule[],
  isExtra: ReadonlySet<LoadedRule>,
) => Lack | undefined

/** What is wrong with one wanted rule in one family; undefined when it is as it should be. */
export function lackOf(
  rule: Rule,
  family: Family,
  rules: readonly LoadedRule[],
  isExtra: ReadonlySet<LoadedRule>,
): Lack | undefined {
  const packets = meet(packetsOf(rule), familyPackets(family))
  if (packets === undefined) return undefined
  return (isDrop(rule) ? lackOfDrop : lackOfAccept)(rule, packets, rules, isExtra)
}

const lackOfAccept: Lookup = (rule, packets, all) => {
  const rules = thatMatter(rule, packets, all)
  if (left([packets], rules.filter(isSureAccept)).length > 0) return { kind: 'missing', rule }
  const blockers = allBlocking(packets, rules)
  if (blockers !== undefined) return { kind: 'shadowed', rule, by: blockers }
  const allowed = allowedBy(rule)
  const own = rules.findIndex((one) => isSureAccept(one) && isFor(one, packets, allowed))
  const before = rules
    .slice(0, Math.max(own, 0))
    .find((one) => isSureAccept(one) && holds(one, packets))
  return before && { kind: 'shadowed', rule, by: [before] }
}

/** Those that touch it. What IP needs it needs everywhere: rules for some addresses are not what does or undoes it. */
function thatMatter(
  { kind }: Rule,
  packets: Packets,
  rules: readonly LoadedRule[],
): readonly LoadedRule[] {
  const { source, destination } = packets
  const everywhere = { ...(source && { source }), ...(destination && { destination }) }
  const touching = rules.filter((one) => !areApart(one.packets, packets))
  return kind === 'flow'
    ? touching
    : touching.filter((one) => isPartOf({ ...one.packets, ...everywhere }, one.packets))
}

/** The drops that leave none of these packets for an accept behind them; undefined when some get through. */
function allBlocking(packets: Packets, rules: readonly LoadedRule[]): LoadedRule[] | undefined {
  const blockers: LoadedRule[] = []
  let rest: readonly Packets[] = [packets]
  for (const rule of rules) {
    if (rest.length === 0) break
    if (rest.every((part) => areApart(part, rule.packets))) continue
    if (isSureAccept(rule)) return undefined
    if (!isSureDrop(rule)) continue
    blockers.push(rule)
    rest = left(rest, [rule])
  }
  return blockers
}

const lackOfDrop: Lookup = (rule, packets, rules, isExtra) => {
  const drops = thatMatter(rule, packets, rules).filter(isSureDrop)
  if (left([packets], drops).length > 0)
    return isHeldByAccepts(rule, packets, rules) ? undefined : { kind: 'missing', rule }
  const before = rules
    .slice(0, rules.indexOf(lastNeeded(packets, drops)))
    .filter((one) => isAccept(one) && !areApart(one.packets, packets))
  const by = before.filter((one) => !isExtra.has(one) || holds(one, packets))
  return by.length === 0 ? undefined : { kind: 'shadowed', rule, by }
}

/** The drop with which the last of these packets is gone. @param drops that leave none of them */
function lastNeeded(packets: Packets, drops: readonly LoadedRule[]): LoadedRule {
  let rest: readonly Packets[] = [packets]
  const last = drops.find((drop) => {
    rest = left(rest, [drop])
    return rest.length === 0
  })
  if (last === undefined) throw new TypeError('these drops leave something')
  return last
}

/** Where every rule that accepts new TCP asks for a SYN itself, none is needed that drops the rest. */
function isHeldByAccepts({ kind }: Rule, packets: Packets, rules: readonly LoadedRule[]): boolean {
  if (kind !== 'new-without-syn') return false
  const { flags: _, ...everyNew } = packets
  const accepting = rules.filter((one) => isAccept(one) && !areApart(one.packets, everyNew))
  return accepting.length > 0 && accepting.every((one) => areApart(one.packets, packets))
}

function isAccept({ verdict }: LoadedRule): boolean {
  return verdict === 'accept'
}

function holds(rule: LoadedRule, packets: Packets): boolean {
  return isPartOf(packets, rule.packets)
}

/** Whether a loaded rule is this one, more or less: all that it must accept, and nothing that it must not. */
function isFor(rule: LoadedRule, packets: Packets, allowed: Packets): boolean {
  return holds(rule, packets) && minus(rule.packets, allowed).length === 0
}
