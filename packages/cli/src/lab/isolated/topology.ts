import { FIREWALLS, type Firewall } from '@doublehop/firewall/flows/paths'
import { ZONES, type Zone } from '@doublehop/settings/zones'
import type { LabDaemon } from '../lab-settings.ts'

/** IPv4 or IPv6: an isolated lab speaks one of them. */
export type Family = 4 | 6

/** Whoever has a namespace: the daemons, one host for the people of each zone, and the routers. */
export type LabHost = LabDaemon | 'internet' | 'lan' | 'management'
export type Router = `firewall${Firewall}`
export type Place = LabHost | Router

/** The number of each zone's network: 10.N.0.0/24, 2001:db8:N::/64. */
const NETWORKS: Readonly<Record<Zone, number>> = {
  internet: 1,
  dmz1: 2,
  dmz2: 3,
  internal: 4,
  lan: 5,
  management: 9,
}

/** Where each host stands, and its number in that network; the tenth is where checks start from. */
const HOSTS: Readonly<Record<LabHost, readonly [zone: Zone, number: number]>> = {
  internet: ['internet', 10],
  lan: ['lan', 10],
  management: ['management', 10],
  gateway: ['dmz1', 2],
  proxy: ['dmz2', 2],
  storefront: ['dmz2', 3],
  sta: ['internal', 2],
  vda: ['internal', 3],
}

/** The zones that each firewall has a leg in. */
const LEGS: Readonly<Record<Firewall, readonly Zone[]>> = {
  1: ['internet', 'lan', 'dmz1', 'management'],
  2: ['dmz1', 'dmz2', 'management'],
  3: ['dmz2', 'internal', 'lan', 'management'],
}

/** Firewall 1 is .251 wherever it has a leg, and so on. */
const BEFORE_FIRST_FIREWALL = 250

export const LAB_HOSTS = Object.keys(HOSTS) as LabHost[]
export const ROUTERS: readonly Router[] = FIREWALLS.map(routerOf)
export const PLACES: readonly Place[] = [...LAB_HOSTS, ...ROUTERS]

/** The networks of all zones, as `zones` of the configuration holds them. */
export function labZones(family: Family): Record<Zone, [string]> {
  const all = ZONES.map((zone) => [zone, [networkOf(zone, family)]] as const)
  return Object.fromEntries(all) as Record<Zone, [string]>
}

export function networkOf(zone: Zone, family: Family): string {
  if (family === 6) return `2001:db8:${NETWORKS[zone]}::/64`
  return `${prefixOf(zone)}.0/24`
}

export function addressOf(host: LabHost, family: Family): string {
  const [zone, number] = HOSTS[host]
  return addressIn(zone, number, family)
}

/** Where a firewall is met in a zone that it has a leg in. */
export function routerAddress(firewall: Firewall, zone: Zone, family: Family): string {
  return addressIn(zone, BEFORE_FIRST_FIREWALL + firewall, family)
}

export function zoneOf(host: LabHost): Zone {
  return HOSTS[host][0]
}

export function legsOf(firewall: Firewall): readonly Zone[] {
  return LEGS[firewall]
}

export function routerOf(firewall: Firewall): Router {
  return `firewall${firewall}`
}

function addressIn(zone: Zone, number: number, family: Family): string {
  if (family === 6) return `2001:db8:${NETWORKS[zone]}::${number.toString(16)}`
  return `${prefixOf(zone)}.${number}`
}

/** The internet of the lab is one of the networks for documentation (RFC 5737). */
function prefixOf(zone: Zone): string {
  return zone === 'internet' ? '198.51.100' : `10.${NETWORKS[zone]}.0`
}
