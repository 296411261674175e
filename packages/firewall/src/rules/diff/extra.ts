import { isDrop, type Rule } from '../ruleset.ts'
import type { LoadedRule } from './loaded.ts'
import { isSureDrop, type Ordering } from './orderings.ts'
import { areApart, isPartOf, type Packets } from './packets.ts'
import { left } from './walk.ts'
import { allowedBy, packetsOf } from './wanted.ts'

interface Extra {
  readonly loaded: LoadedRule
  readonly widerThan: readonly Rule[]
}

/**
 * Rules that let through what no wanted rule does. What was dropped before they are reached is not theirs.
 *
 * @param wanted rules of the chain, of any family @param isOwn those that are nobody else's business
 */
export function extrasIn(
  lists: readonly Ordering[],
  wanted: readonly Rule[],
  isOwn: (rule: LoadedRule) => boolean,
): Extra[] {
  const allowed = wanted
    .filter((rule) => !isDrop(rule))
    .map((rule) => ({ rule, packets: allowedBy(rule) }))
  return lists.flatMap(({ rules }, list) =>
    rules.flatMap((loaded, index) => {
      if (loaded.verdict !== 'accept' || isOwn(loaded)) return []
      const unwanted = left([loaded.packets], allowed)
      if (unwanted.length === 0) return []
      const through = left(unwanted, rules.slice(0, index).filter(isSureDrop))
      const others = lists.filter((_, other) => other !== list)
      if (!through.some((part) => others.every((other) => isAccepted(part, other)))) return []
      const covered = allowed.filter(({ rule }) => isPartOf(packetsOf(rule), loaded.packets))
      return [{ loaded, widerThan: covered.map(({ rule }) => rule) }]
    }),
  )
}

/** Whether some rule of another chain at the same hook may let any of these packets pass. */
function isAccepted(packets: Packets, { rules }: Ordering): boolean {
  return rules.some((rule) => rule.verdict === 'accept' && !areApart(rule.packets, packets))
}
