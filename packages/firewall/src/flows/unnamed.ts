import type { Purpose } from '@doublehop/settings/traffic'
import { parseIp } from '@doublehop/wire/ip'
import type { Flow } from './flow.ts'
import { firewallsBetween } from './paths.ts'

/** A flow that has no name yet. */
export type Unnamed = Omit<Flow, 'id'>

interface Parts extends Pick<Unnamed, 'from' | 'to' | 'protocol' | 'port' | 'speaks' | 'tls'> {
  readonly purpose: Purpose
  readonly expect?: Flow['expect']
}

/** With what follows from both ends: the family, and the firewalls between. */
export function unnamed({ purpose: { why, steps }, expect = 'allow', ...parts }: Parts): Unnamed {
  return {
    ...parts,
    expect,
    family: familyOf(parts.to.address),
    firewalls: firewallsBetween(parts.from.zone, parts.to.zone),
    why,
    steps,
  }
}

export function familyOf(address: string): 4 | 6 {
  return parseIp(address)?.length === 16 ? 6 : 4
}
