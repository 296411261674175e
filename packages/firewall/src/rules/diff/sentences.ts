import { nftablesRule } from '../nftables.ts'
import type { Family, Ruleset } from '../ruleset.ts'
import type { Difference } from './compare.ts'
import { describeRule } from './describe.ts'
import type { LoadedRule } from './loaded.ts'

/** A difference in words. */
export interface Sentence {
  readonly kind: Difference['kind']
  /** what it is about: the id of a rule, or where the loaded one stands */
  readonly subject: string
  /** what is so, and what to do */
  readonly says: readonly string[]
}

export function sentenceOf(one: Difference, { families }: Pick<Ruleset, 'families'>): Sentence {
  const { kind, chain } = one
  switch (kind) {
    case 'missing':
      return {
        ...{ kind, subject: one.rule.id + only(one.families, families) },
        says: [`add to ${chain}: ${nftablesRule(one.rule)}`],
      }
    case 'shadowed':
      return {
        ...{ kind, subject: one.rule.id + only(one.families, families) },
        says: ['not reached: move it up, or remove what decides before it', ...one.by.map(named)],
      }
    case 'extra':
      return {
        ...{ kind, subject: one.loaded.at },
        says: [`${remedy(one)}: ${describeRule(one.loaded)}`],
      }
    case 'policy':
      return {
        ...{ kind, subject: `${chain}${only(one.families, families)}` },
        says: [
          one.at.length === 0
            ? `nothing filters at ${chain}: add a chain with policy drop`
            : `set policy drop: ${one.at.join(', ')} lets through whatever no rule decides about`,
        ],
      }
  }
}

function named(rule: LoadedRule): string {
  return `${rule.at}: ${describeRule(rule)}`
}

function remedy({ widerThan, chain, loaded }: Extract<Difference, { kind: 'extra' }>): string {
  if (loaded.unsure) return 'not understood, so it may open all of this: look, and remove it'
  const [first] = widerThan
  if (first !== undefined) return `narrow, it is wider than ${first.id}`
  return chain === 'input' ? 'remove, or let its comment begin with "own:"' : 'remove'
}

/** Told only where it is so in one family of several. */
function only(those: readonly Family[], all: readonly Family[]): string {
  return those.length > 1 || (all.length === 1 && all[0] === those[0]) ? '' : `, IPv${those[0]}`
}
