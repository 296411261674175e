import { FIREWALLS, type Firewall } from '../flows/paths.ts'
import type { Row } from './result.ts'

/** A firewall behind which nothing is heard, and the rows that it stops. */
export interface Silent {
  readonly firewall: Firewall
  readonly rows: readonly Row[]
}

/**
 * Firewalls that let nothing through. One rule that is missing stops one flow; where every flow that only this firewall
 * could stop is silent, two of them or more, the firewall itself is the cause: most often it lets no answers back.
 */
export function withoutState(rows: readonly Row[]): Silent[] {
  const needed = rows.filter(({ flow, verdict }) => flow.expect === 'allow' && verdict !== 'SKIP')
  const silent = FIREWALLS.filter((firewall) => {
    const only = needed.filter(({ flow }) => flow.firewalls.join() === String(firewall))
    return only.length > 1 && only.every(({ observed }) => observed === 'filtered')
  })
  return silent.map((firewall) => ({
    firewall,
    rows: needed.filter(
      (row) => row.observed === 'filtered' && row.flow.firewalls.some((one) => one === firewall),
    ),
  }))
}
