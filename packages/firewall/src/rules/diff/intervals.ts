/** Sets of whole numbers as intervals: both ends within, in order, none touching the next. */
export type Intervals = readonly Interval[]
export type Interval = readonly [from: bigint, to: bigint]

/** Any intervals, put in order and joined. */
export function intervals(parts: readonly Interval[]): Intervals {
  const sorted = parts.filter(([from, to]) => from <= to).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const joined: [bigint, bigint][] = []
  for (const [from, to] of sorted) {
    const last = joined.at(-1)
    if (last !== undefined && from <= last[1] + 1n) last[1] = larger(to, last[1])
    else joined.push([from, to])
  }
  return joined
}

/** What is in both. */
export function meet(some: Intervals, others: Intervals): Intervals {
  const found: Interval[] = []
  let [i, j] = [0, 0]
  while (true) {
    const [a, b] = [some[i], others[j]]
    if (a === undefined || b === undefined) return found
    const from = larger(a[0], b[0])
    const to = smaller(a[1], b[1])
    if (from <= to) found.push([from, to])
    if (a[1] < b[1]) i++
    else j++
  }
}

/** Whether nothing is in both. */
export function areDisjoint(some: Intervals, others: Intervals): boolean {
  let [i, j] = [0, 0]
  while (true) {
    const [a, b] = [some[i], others[j]]
    if (a === undefined || b === undefined) return true
    if (a[1] < b[0]) i++
    else if (b[1] < a[0]) j++
    else return false
  }
}

/** What is in the first and not in the second. */
export function minus(some: Intervals, others: Intervals): Intervals {
  const found: Interval[] = []
  for (const [from, to] of some) {
    let at = from
    for (const [cut, end] of others) {
      if (end < at) continue
      if (cut > to) break
      if (cut > at) found.push([at, cut - 1n])
      at = end + 1n
    }
    if (at <= to) found.push([at, to])
  }
  return found
}

/** Whether all of the first is in the second. */
export function isWithin(some: Intervals, others: Intervals): boolean {
  return minus(some, others).length === 0
}

/** Those of a few numbers that pass a test. */
export function numbers(space: Interval, passes: (one: number) => boolean): Intervals {
  const found: Interval[] = []
  for (let one = space[0]; one <= space[1]; one++) if (passes(Number(one))) found.push([one, one])
  return intervals(found)
}

function larger(one: bigint, other: bigint): bigint {
  if (one > other) return one
  return other
}

function smaller(one: bigint, other: bigint): bigint {
  if (one < other) return one
  return other
}
