import type { Step } from './loaded.ts'
import type { Sets } from './nft-field.ts'
import { type Matched, matchOf } from './nft-match.ts'
import { meet } from './packets.ts'
import { isRecord } from './record.ts'

/** What a rule does and to which packets, without where it stands. */
type Bare = Pick<Step, 'packets' | 'interfaces' | 'unsure' | 'does'>
type Matching = Omit<Bare, 'does'>

/** What decides nothing, and changes no address. */
const NO_EFFECT = new Set([
  ...['counter', 'log', 'comment', 'dup', 'flow', 'set', 'map', 'secmark'],
  ...['ct helper', 'ct timeout', 'ct expectation'],
])
const VERDICTS = ['accept', 'drop', 'reject', 'return'] as const

/** Sets with more tuples are not looked into. */
const MOST_TUPLES = 1000

/**
 * The expressions of one nft rule (libnftables-json(5)) as steps: none where it decides nothing, several where it holds
 * a map of verdicts or sets of several fields; undefined when it is not understood what it decides.
 */
export function stepsOf(expressions: readonly unknown[], sets: Sets): readonly Bare[] | undefined {
  let matching: readonly Matching[] = [{ packets: {}, interfaces: false, unsure: false }]
  for (const expression of expressions) {
    // An anonymous chain is printed as text: what it accepts is not known.
    if (!isRecord(expression)) return perhaps(matching)
    const [kind = ''] = Object.keys(expression)
    const value = expression[kind]
    if (NO_EFFECT.has(kind) || (kind === 'mangle' && !changesAddresses(value))) continue
    if (kind === 'vmap') return mapped(value, matching, sets)
    if (kind === 'queue') return perhaps(matching)
    const does = doneBy(kind, value)
    if (does !== undefined) return matching.map((one) => ({ ...one, does }))
    matching = narrowed(matching, kind === 'match' ? matchOf(value, sets) : undefined)
    if (matching.length === 0) return []
  }
  return matching.some(({ unsure }) => unsure) ? undefined : []
}

/** @param matched undefined when it is not understood: any of these packets may be meant */
function narrowed(matching: readonly Matching[], matched: Matched | undefined): Matching[] {
  const isTooMany = matching.length * (matched?.packets.length ?? 0) > MOST_TUPLES
  if (matched === undefined || isTooMany) return matching.map((one) => ({ ...one, unsure: true }))
  return matching.flatMap((one) =>
    matched.packets.flatMap((packets) => {
      const both = meet(one.packets, packets)
      const interfaces = one.interfaces || matched.interfaces
      return both === undefined ? [] : [{ ...one, packets: both, interfaces }]
    }),
  )
}

/** What is decided where no listing tells. */
function perhaps(matching: readonly Matching[]): Bare[] {
  return matching.map((one) => ({ ...one, unsure: true, does: 'accept' }))
}

function changesAddresses(value: unknown): boolean {
  const key = isRecord(value) ? value.key : undefined
  return !isRecord(key) || 'payload' in key
}

/** The named sets and maps of each table. */
export function nftSets(listing: readonly object[]): Map<string, Map<string, readonly unknown[]>> {
  const found = new Map<string, Map<string, readonly unknown[]>>()
  for (const one of listing) {
    const set = 'set' in one ? one.set : 'map' in one ? one.map : undefined
    if (!isRecord(set) || !Array.isArray(set.elem) || typeof set.name !== 'string') continue
    // What is in a set only for a time may be gone by now.
    if (set.timeout !== undefined || (Array.isArray(set.flags) && set.flags.includes('timeout')))
      continue
    const table = `${String(set.family)} ${String(set.table)}`
    const inTable = found.get(table) ?? new Map<string, readonly unknown[]>()
    found.set(table, inTable.set(set.name, set.elem))
  }
  return found
}

/** An expression as text for people. */
export function bounded(expression: unknown): string {
  const text = JSON.stringify(expression) ?? ''
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`
}

function doneBy(kind: string, value: unknown): Bare['does'] | undefined {
  const verdict = VERDICTS.find((one) => one === kind)
  if (verdict !== undefined) return verdict
  if ((kind !== 'jump' && kind !== 'goto') || !isRecord(value)) return undefined
  return typeof value.target === 'string'
    ? { to: value.target, comesBack: kind === 'jump' }
    : undefined
}

/** `ct state vmap { invalid : drop, established : accept }`: one step for each pair. */
function mapped(value: unknown, matching: readonly Matching[], sets: Sets): readonly Bare[] {
  const { key, data } = isRecord(value) ? value : {}
  const pairs: unknown =
    typeof data === 'string' ? sets.get(data.slice(1)) : isRecord(data) ? data.set : undefined
  if (!Array.isArray(pairs)) return perhaps(matching)
  return (pairs as unknown[]).flatMap((pair) => {
    const [left, verdict] = Array.isArray(pair) ? (pair as unknown[]) : []
    const [kind = ''] = isRecord(verdict) ? Object.keys(verdict) : []
    const does = isRecord(verdict) ? doneBy(kind, verdict[kind]) : undefined
    const those = narrowed(matching, matchOf({ op: '==', left: key, right: left }, sets))
    return does === undefined ? perhaps(those) : those.map((one) => ({ ...one, does }))
  })
}
