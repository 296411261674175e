import type { Chain, Family } from '../ruleset.ts'
import type { Packets } from './packets.ts'

/** What a firewall has loaded: its chains that decide about what is forwarded, and about what is its own. */
export interface Loaded {
  /** the families that the text could tell of: of iptables-save only one */
  readonly families: readonly Family[]
  readonly chains: readonly LoadedChain[]
  /** chains with rules at hooks that are not compared: they may drop what is wanted here */
  readonly elsewhere: readonly Written[]
}

export interface LoadedChain {
  /** as its owner calls it: `inet doublehop forward`, `FORWARD` */
  readonly name: string
  readonly chain: Chain
  readonly families: readonly Family[]
  readonly policy: 'accept' | 'drop'
  /** in order, jumps followed */
  readonly rules: readonly LoadedRule[]
  readonly notUnderstood: readonly Written[]
}

/** A rule as it is written, to be named to its owner. */
export interface Written {
  /** `inet doublehop forward, handle 8` or `line 12` */
  readonly at: string
  readonly text: string
  readonly comment: string | undefined
}

/** What a rule asks beside the packets that it names, so that it may decide about fewer of them. */
export interface Asks {
  /** it names interfaces, which the configuration does not tell: taken to be the right ones */
  readonly interfaces: boolean
  /** some of it is not understood: an accept may open all that it names, a drop may close nothing */
  readonly unsure: boolean
}

export interface LoadedRule extends Written, Asks {
  readonly verdict: 'accept' | 'drop' | 'reject'
  readonly packets: Packets
  /** packets may have left its chain before it, and it is not known which: a drop may close nothing */
  readonly bypassed: boolean
}

/** A rule before jumps are followed. */
export interface Step extends Written, Asks {
  readonly packets: Packets
  readonly does: 'accept' | 'drop' | 'reject' | 'return' | Jump
}
export interface Jump {
  readonly to: string
  /** a goto does not come back */
  readonly comesBack: boolean
}

/** A chain as it is read: rules that were not understood stand beside. */
export interface ReadChain {
  readonly steps: readonly Step[]
  readonly notUnderstood: readonly Written[]
}

/** What one file may hold. */
export const MAX_BYTES = 16 * 1024 * 1024
export const MAX_RULES = 10_000
/** How deep chains may jump. The kernel's own limit is 16. */
export const MAX_DEPTH = 16
