import { type Firewall, firewallsBetween } from '@doublehop/firewall/flows/paths'
import { ZONES, type Zone } from '@doublehop/settings/zones'
import { type Family, legsOf, networkOf, routerAddress } from './topology.ts'

/** A network, and the neighbour that leads to it. */
export interface Route {
  readonly to: string
  readonly via: string
}

/** From a host: into each other zone by the first firewall of the path. */
export function hostRoutes(zone: Zone, family: Family): Route[] {
  return ZONES.flatMap((other) => {
    const [first] = firewallsBetween(zone, other)
    if (first === undefined) return []
    return [{ to: networkOf(other, family), via: routerAddress(first, zone, family) }]
  })
}

/** From a firewall: into each zone that it has no leg in by the next firewall of the path. */
export function routerRoutes(firewall: Firewall, family: Family): Route[] {
  const next = new Map<Zone, Firewall>()
  for (const from of ZONES)
    for (const to of ZONES) {
      const path = firewallsBetween(from, to)
      const after = path[path.indexOf(firewall) + 1]
      if (path.includes(firewall) && after !== undefined) next.set(to, after)
    }
  return [...next].map(([zone, after]) => ({
    to: networkOf(zone, family),
    via: routerAddress(after, between(firewall, after), family),
  }))
}

/** Management has a leg on each firewall, and nobody passes through it. */
function between(one: Firewall, other: Firewall): Zone {
  const shared = legsOf(one).find((zone) => zone !== 'management' && legsOf(other).includes(zone))
  if (shared === undefined) throw new Error(`firewalls ${one} and ${other} share no network`)
  return shared
}
