import type { Probe } from '../check/plan.ts'
import type { Flow } from '../flows/flow.ts'

/** Where a daemon of the zone listens, or will. */
export interface Place {
  readonly protocol: 'tcp' | 'udp'
  /** IPv4 dotted, IPv6 as in RFC 5952 */
  readonly address: string
  readonly port: number
  /** whose place it is */
  readonly name: string
}

/** Every place of a zone that somebody may reach, or must not: both are waited for. */
export function placesOf(flows: readonly (Flow | Probe)[], zone: string): Place[] {
  const found = new Map<string, Place>()
  for (const { to, protocol, port } of flows) {
    if (to.zone !== zone) continue
    const key = `${protocol} ${to.address} ${port}`
    const place = { protocol, address: to.address, port, name: to.name }
    if (!found.has(key)) found.set(key, place)
  }
  return [...found.values()]
}
