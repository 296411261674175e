import type { Zone } from '@doublehop/settings/zones'
import {
  type CheckedFlow,
  type CheckResult,
  type Row,
  VERDICTS,
  type Verdict,
} from '../check/result.ts'
import { stepsText } from '../flows/flow.ts'
import type { Joined } from '../report/join.ts'
import { printable } from './printable.ts'

/** One zone's check, or several that were joined: each format writes both. */
export type Checked = CheckResult | Joined

/** The runs in it. */
export function runsOf(checked: Checked): readonly CheckResult[] {
  return 'zones' in checked ? checked.zones : [checked]
}

/** What ran in one zone, on however many of its hosts. */
export interface ZoneRuns {
  readonly zone: Zone
  readonly runs: readonly CheckResult[]
  /** those of the rows that start there */
  readonly rows: readonly Row[]
}

/** The runs of each zone, in their order. */
export function byZone(checked: Checked): readonly ZoneRuns[] {
  return [...Map.groupBy(runsOf(checked), ({ zone }) => zone)].map(([zone, runs]) => ({
    zone,
    runs,
    rows: checked.rows.filter(({ flow }) => flow.from.zone === zone),
  }))
}

/** How many rows have each verdict; every verdict is there. */
export function countsOf(rows: readonly Row[]): Readonly<Record<Verdict, number>> {
  const counts = { LEAK: 0, BLOCKED: 0, UNKNOWN: 0, PASS: 0, SKIP: 0 }
  for (const { verdict } of rows) counts[verdict]++
  return counts
}

/** The worst first; those that did not run last. */
const ORDER = VERDICTS.toReversed()

/** Rows in the order in which somebody should look at them; needed flows before forbidden ones. */
export function worstFirst(rows: readonly Row[]): readonly Row[] {
  const rank = ({ verdict, flow }: Row) =>
    2 * ORDER.indexOf(verdict) + (flow.expect === 'allow' ? 0 : 1)
  return rows.toSorted((a, b) => rank(a) - rank(b))
}

/** `10.3.0.2:1080/tcp`, an IPv6 address in brackets. */
export function service({ to: { address }, port, protocol }: CheckedFlow): string {
  const host = printable(address)
  return `${host.includes(':') ? `[${host}]` : host}:${port}/${protocol}`
}

/** Not on the way from outside to inside: it has a leg on each firewall. */
const DEPTH: Readonly<Record<Exclude<Zone, 'management'>, number>> = {
  internet: 0,
  lan: 0,
  dmz1: 1,
  dmz2: 2,
  internal: 3,
}

/** A few words on what a flow is: the steps that need it, or how it would go round what stands between. */
export function nature({ expect, from, to, steps }: CheckedFlow): string {
  if (expect === 'allow') return stepsText(steps)
  if (from.zone === 'management' || to.zone === 'management') return ''
  const inwards = DEPTH[to.zone] - DEPTH[from.zone]
  if (inwards > 1) return '(bypass)'
  return inwards < 0 ? '(backwards)' : ''
}
