import type { Zone } from '@doublehop/settings/zones'

/** ① joins internet, the users' line to it, and DMZ 1; ② DMZ 1 and DMZ 2; ③ DMZ 2, the internal network and the users. */
export type Firewall = 1 | 2 | 3
export const FIREWALLS: readonly Firewall[] = [1, 2, 3]

/** Management has a leg on each firewall: to DMZ 1 by ①, to DMZ 2 by ②, to the internal network by ③. */
const PATHS: readonly (readonly [Zone, Zone, readonly Firewall[]])[] = [
  ['internet', 'lan', [1]],
  ['internet', 'dmz1', [1]],
  ['internet', 'dmz2', [1, 2]],
  ['internet', 'internal', [1, 2, 3]],
  ['internet', 'management', [1]],
  ['lan', 'dmz1', [1]],
  ['lan', 'dmz2', [3]],
  ['lan', 'internal', [3]],
  ['lan', 'management', [3]],
  ['dmz1', 'dmz2', [2]],
  ['dmz1', 'internal', [2, 3]],
  ['dmz1', 'management', [1]],
  ['dmz2', 'internal', [3]],
  ['dmz2', 'management', [2]],
  ['internal', 'management', [3]],
]

/** The firewalls between two zones, in the order a packet meets them; none within a zone. */
export function firewallsBetween(from: Zone, to: Zone): readonly Firewall[] {
  for (const [a, b, firewalls] of PATHS) {
    if (a === from && b === to) return firewalls
    if (a === to && b === from) return firewalls.toReversed()
  }
  return []
}

/** The zones of the legs by which a flow comes to one of the firewalls of its path, and leaves it. */
export function legsOn(
  firewall: Firewall,
  flow: { readonly from: Place; readonly to: Place; readonly firewalls: readonly Firewall[] },
): { readonly from: Zone; readonly to: Zone } {
  const { from, to, firewalls } = flow
  const at = firewalls.indexOf(firewall)
  const [before, after] = [firewalls[at - 1], firewalls[at + 1]]
  return {
    from: before === undefined ? from.zone : between(before, firewall),
    to: after === undefined ? to.zone : between(firewall, after),
  }
}

interface Place {
  readonly zone: Zone
}

/** Paths lead from ① to ② and from ② to ③, or back. */
function between(one: Firewall, other: Firewall): Zone {
  return Math.min(one, other) === 1 ? 'dmz1' : 'dmz2'
}
