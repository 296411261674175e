import { ZONES, type Zone } from '@doublehop/settings/zones'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import type { DeepResult } from '../check/deep-result.ts'
import { verdictOf } from '../check/exit.ts'
import { findingsOf } from '../check/findings.ts'
import {
  type CheckResult,
  type Finding,
  type ListenResult,
  type PathRow,
  type Row,
  SOME_SERVER,
  type Verdict,
} from '../check/result.ts'

/** What several checks say together. */
export interface Joined {
  readonly zones: readonly CheckResult[]
  readonly listens: readonly ListenResult[]
  readonly rows: readonly Row[]
  readonly paths: readonly PathRow[]
  readonly findings: readonly Finding[]
  /** what port tests cannot see, where it was asked for */
  readonly deep: readonly DeepResult[]
  readonly verdict: Verdict
  /** zones of these flows from which nobody has checked */
  readonly missing: readonly Zone[]
}

/**
 * Joins the checks of several zones and hosts: of each flow the newest row of a host that could run it, and findings
 * over all of them, so that a way which fails behind a blocked flow is put under that flow.
 */
export function join(zones: readonly CheckResult[], listens: readonly ListenResult[]): Joined {
  const byAge = zones.toSorted((a, b) => a.started.localeCompare(b.started))
  const rows = fromOutside(newest(byAge.flatMap((zone) => zone.rows)), ({ flow }) => flow.from.zone)
  const paths = followed(
    byAge.flatMap((zone) => zone.paths),
    rows,
  )
  const arrivals = listens.flatMap((listen) => listen.arrivals)
  const deep = byAge.flatMap((zone) => zone.deep ?? [])
  const deepCodes = new Set(deep.flatMap(({ tests }) => tests.map(({ code }) => code)))
  const kept = byAge.flatMap(({ findings }) =>
    findings.filter(({ code }) => code === 'DH_FW_NAT' || deepCodes.has(code)),
  )
  return {
    ...{ zones: fromOutside(byAge, ({ zone }) => zone), listens, rows, paths, deep },
    findings: distinct([...findingsOf(rows, arrivals), ...kept]),
    verdict: verdictOf(rows, paths, deep),
    missing: missingOf(rows),
  }
}

/** In the order of the picture, from left to right. */
function fromOutside<T>(all: readonly T[], zoneOf: (one: T) => Zone): T[] {
  return all.toSorted((a, b) => ZONES.indexOf(zoneOf(a)) - ZONES.indexOf(zoneOf(b)))
}

function newest(rows: readonly Row[]): Row[] {
  const byFlow = new Map<string, Row>()
  for (const row of rows) {
    const before = byFlow.get(row.flow.id)
    if (before === undefined || row.verdict !== 'SKIP' || before.verdict === 'SKIP')
      byFlow.set(row.flow.id, row)
  }
  return [...byFlow.values()]
}

/**
 * The newest of each way. Where a flow of it is blocked it follows from that, even if it still works: a connection that
 * was open before carries it, and the next one will not be there.
 */
function followed(paths: readonly PathRow[], rows: readonly Row[]): PathRow[] {
  const byId = new Map<string, PathRow>()
  for (const path of paths) {
    const before = byId.get(path.id)
    if (before === undefined || path.verdict !== 'SKIP' || before.verdict === 'SKIP')
      byId.set(path.id, path)
  }
  return [...byId.values()].map((path) => {
    const blocked = rows.filter(({ verdict }) => verdict === 'BLOCKED')
    const cause =
      blocked.find(({ flow }) => [path.through, ...path.behind].includes(flow.id)) ??
      blocked.find(({ flow }) => stopsAt(path, flow, rows))
    if (cause === undefined) return path
    return { ...path, verdict: 'SKIP', note: `follows from ${cause.flow.id}` }
  })
}

/** Only a ticket tells which server a way goes on to; this one came so far, and no further. */
function stopsAt(
  { through, onTo }: PathRow,
  { from, to, port, steps }: Row['flow'],
  rows: readonly Row[],
): boolean {
  const first = rows.find(({ flow }) => flow.id === through)
  if (from.name !== first?.flow.to.name || !steps.includes(6)) return false
  return onTo === SOME_SERVER || onTo === formatEndpoint({ host: to.address, port })
}

function missingOf(rows: readonly Row[]): Zone[] {
  const elsewhere = ({ verdict, note = '' }: Row) =>
    verdict === 'SKIP' && note.startsWith('run on ')
  const checked = new Set(rows.filter((row) => !elsewhere(row)).map(({ flow }) => flow.from.zone))
  const spokenOf = new Set(rows.flatMap(({ flow }) => [flow.from.zone, flow.to.zone]))
  return ZONES.filter((zone) => spokenOf.has(zone) && !checked.has(zone))
}

function distinct(findings: readonly Finding[]): Finding[] {
  const bySentence = new Map(findings.map((finding) => [finding.sentence, finding]))
  return [...bySentence.values()]
}
