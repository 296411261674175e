import { z } from 'zod'

const list = z.object({
  nftables: z.array(
    z.object({ rule: z.object({ handle: z.int(), comment: z.string().default('') }).optional() }),
  ),
})

/** A rule as the kernel has it. */
export interface LoadedRule {
  readonly handle: number
  /** it begins with the rule's name and a colon */
  readonly comment: string
}

/** Reads what `nft -j -a list chain` printed (libnftables-json(5)). */
export function loadedRules(json: string): LoadedRule[] {
  return list.parse(JSON.parse(json)).nftables.flatMap(({ rule }) => rule ?? [])
}
