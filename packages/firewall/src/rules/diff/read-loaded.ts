import { fault } from '@doublehop/errors/fault'
import type { Family } from '../ruleset.ts'
import { type Loaded, MAX_BYTES } from './loaded.ts'
import { readIptables } from './read-iptables.ts'
import { readNft } from './read-nft.ts'

/**
 * Reads what a firewall has loaded, in whichever form it is.
 *
 * @param family of a listing of iptables that does not tell its own @throws Fault DH_FW_LOADED, DH_USAGE
 */
export function readLoaded(text: string, family?: Family): Loaded {
  if (text.length > MAX_BYTES)
    throw fault('DH_FW_LOADED', { why: `it is longer than ${MAX_BYTES / 1024 / 1024} MiB` })
  if (text.trimStart().startsWith('{')) return readNft(text)
  if (/^\s*table \S+ \S+ \{/.test(text))
    throw fault('DH_FW_LOADED', { why: 'it is what nft prints without -j: nft -j list ruleset' })
  return readIptables(text, family)
}
