import { contains, parseNetwork } from '@doublehop/wire/ip'
import type { Unnamed } from './unnamed.ts'

/** Two needs of one flow are one rule; what a wider rule lets through needs none of its own. */
export function minimal(flows: readonly Unnamed[]): Unnamed[] {
  const merged = new Map<string, Unnamed>()
  for (const flow of flows) {
    const key = [flow.from.network, flow.to.address, flow.protocol, flow.port].join(' ')
    const before = merged.get(key)
    merged.set(key, before === undefined ? flow : both(before, flow))
  }
  const all = [...merged.values()]
  return all.filter((flow) => !all.some((other) => other !== flow && covers(other, flow)))
}

function both(one: Unnamed, other: Unnamed): Unnamed {
  const why = one.why.includes(other.why) ? one.why : `${one.why}; ${other.why}`
  const steps = [...new Set([...one.steps, ...other.steps])].sort((a, b) => a - b)
  const { speaks, tls } = one.speaks === 'tcp' ? other : one
  return { ...one, why, steps, speaks, tls }
}

/** Whether the rule for one flow lets the other through: on the same firewalls, from the same source or a wider one. */
export function covers(wide: Unnamed, narrow: Unnamed): boolean {
  return (
    wide.to.address === narrow.to.address &&
    wide.port === narrow.port &&
    wide.protocol === narrow.protocol &&
    wide.firewalls.join() === narrow.firewalls.join() &&
    isWithin(narrow.from.network, wide.from.network)
  )
}

/** Whether a rule for one source lets the other through: an address, a network, or `any`. */
export function isWithin(inner: string, outer: string): boolean {
  if (outer === 'any' || inner === outer) return true
  const [wide, narrow] = [parseNetwork(outer), parseNetwork(inner)]
  if (wide === undefined || narrow === undefined) return false
  return wide.bits <= narrow.bits && contains(wide, narrow.address)
}
