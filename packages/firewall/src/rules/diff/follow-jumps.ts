import { fault } from '@doublehop/errors/fault'
import type { Chain, Family } from '../ruleset.ts'
import { familyPackets } from './fields.ts'
import {
  type Asks,
  type LoadedChain,
  type LoadedRule,
  MAX_DEPTH,
  MAX_RULES,
  type ReadChain,
  type Step,
  type Written,
} from './loaded.ts'
import { meet, minus, type Packets } from './packets.ts'

/** Chains that jump to one another twice each would be walked without end. */
const MAX_STEPS = 10 * MAX_RULES

interface Base {
  readonly name: string
  readonly chain: Chain
  readonly families: readonly Family[]
  readonly policy: 'accept' | 'drop'
  readonly start: string
}

/**
 * A base chain with the rules of all chains it jumps to, in the order in which packets meet them.
 *
 * @param chains of its table, by name @throws Fault DH_FW_LOADED for a loop or too many rules
 */
export function followJumps(
  { start, ...base }: Base,
  chains: ReadonlyMap<string, ReadChain>,
): LoadedChain {
  const walk = new Walk(chains)
  walk.through(start, base.families.map(familyPackets), NOTHING_ASKED, 0)
  return { ...base, rules: walk.rules, notUnderstood: [...walk.notUnderstood] }
}

/** How packets came to a rule. */
type Above = Pick<LoadedRule, 'interfaces' | 'unsure' | 'bypassed'>

const NOTHING_ASKED: Above = { interfaces: false, unsure: false, bypassed: false }

class Walk {
  readonly rules: LoadedRule[] = []
  readonly notUnderstood = new Set<Written>()
  readonly #chains: ReadonlyMap<string, ReadChain>
  #steps = 0

  constructor(chains: ReadonlyMap<string, ReadChain>) {
    this.#chains = chains
  }

  /** @param packets that come here: parts that have none in common */
  through(name: string, packets: readonly Packets[], asked: Above, depth: number): void {
    if (depth > MAX_DEPTH)
      throw fault('DH_FW_LOADED', { why: `its chains jump more than ${MAX_DEPTH} deep` })
    const { steps = [], notUnderstood = [] } = this.#chains.get(name) ?? {}
    for (const one of notUnderstood) this.notUnderstood.add(one)
    let coming = packets
    let above = asked
    for (const step of steps) {
      coming = this.#step(step, coming, above, depth)
      if (mayLeave(step)) above = { ...above, bypassed: true }
    }
  }

  /** @returns those that go on to the next rule */
  #step(step: Step, coming: readonly Packets[], above: Above, depth: number): readonly Packets[] {
    this.#steps++
    if (this.#steps > MAX_STEPS || coming.length > MAX_RULES || this.rules.length > MAX_RULES)
      throw fault('DH_FW_LOADED', { why: `it has more than ${MAX_RULES} rules, jumps followed` })
    const { at, text, comment, does } = step
    const asks = { ...above, ...both(above, step) }
    const matched = coming.flatMap((one) => meet(one, step.packets) ?? [])
    if (does === 'return') return asksMore(step) ? coming : without(coming, step.packets)
    if (typeof does === 'object') {
      // Not a chain of this table, so a target that does something of its own.
      if (!this.#chains.has(does.to)) {
        this.notUnderstood.add({ at, text, comment })
        return coming
      }
      this.through(does.to, matched, asks, depth + 1)
      return does.comesBack || asksMore(step) ? coming : without(coming, step.packets)
    }
    for (const packets of matched)
      this.rules.push({ at, text, comment, verdict: does, packets, ...asks })
    return coming
  }
}

function both(one: Asks, other: Asks): Asks {
  return {
    interfaces: one.interfaces || other.interfaces,
    unsure: one.unsure || other.unsure,
  }
}

function asksMore({ interfaces, unsure }: Asks): boolean {
  return interfaces || unsure
}

/** Whether some of the packets it names go on to the next rule and others never do, and it is not known which. */
function mayLeave(step: Step): boolean {
  const { does } = step
  return asksMore(step) && (does === 'return' || (typeof does === 'object' && !does.comesBack))
}

function without(coming: readonly Packets[], packets: Packets): Packets[] {
  return coming.flatMap((one) => minus(one, packets))
}
