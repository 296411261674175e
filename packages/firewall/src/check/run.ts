import { isFault } from '@doublehop/errors/fault'
import { parseEndpoint } from '@doublehop/wire/endpoint'
import { parseTicket } from '@doublehop/wire/ticket'
import type { DeepOptions } from '../deep/deep.ts'
import { deepChecks, deepFindings } from '../deep/zone.ts'
import { findingsOf, translated } from './findings.ts'
import { observe } from './observe.ts'
import { walk } from './path.ts'
import type { PathProbe, Plan, Probe } from './plan.ts'
import type { CheckResult, Finding, PathRow, Row, Seen } from './result.ts'
import { sessionsHere } from './sessions-here.ts'
import { judge, runOn, skipped } from './verdict.ts'
import type { Witness } from './witness.ts'

export interface CheckOptions {
  /** how long silence is listened to */
  readonly timeoutMilliseconds: number
  /** ids of the flows to check; left out, all of them */
  readonly only?: readonly string[] | undefined
  /** a ticket to spend on the way to a server */
  readonly ticket?: string | undefined
  /** sees ICMP errors, where that is allowed */
  readonly witness?: Witness | undefined
  /** also what a port test cannot see, against `doublehop listen`; left out, it is not tried */
  readonly deep?: Pick<DeepOptions, 'idleMaxSeconds'> | undefined
  readonly signal?: AbortSignal | undefined
  /** called as each flow is judged */
  readonly onRow?: ((row: Row) => void) | undefined
}

/**
 * Runs the probes of a zone, all at once: under twice the timeout, whatever the firewalls do. Those whose source
 * address is not of this host are skipped.
 *
 * @throws the reason of `signal`
 */
export async function runCheck(plan: Plan, options: CheckOptions): Promise<CheckResult> {
  const { timeoutMilliseconds, only } = options
  const started = new Date()
  const chosen = plan.probes.filter(({ id }) => only === undefined || only.includes(id))
  const sessions = sessionsHere(plan.admins)
  const rows = await Promise.all(chosen.map((probe) => rowOf(probe, options)))
  const ways = plan.paths.filter(
    ({ id, through }) => !only || [id, through].some((one) => only.includes(one)),
  )
  const paths = await Promise.all(walks(ways, plan, rows, options))
  const deep = options.deep && (await deepChecks(here(chosen, rows), deepOptions(options)))
  const seen = await sessions
  const ran = rows.filter(({ verdict }) => verdict !== 'SKIP')
  return {
    ...{ doublehop: 'check', version: 1, zone: plan.zone },
    from: [...new Set(ran.map(({ flow }) => flow.from.address))],
    started: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    timeoutSeconds: timeoutMilliseconds / 1000,
    ...{ rows, paths, sessions: seen },
    findings: [...findingsOf(rows), ...deepFindings(deep ?? [], plan), ...strangers(plan, seen)],
    ...(deep && { deep }),
  }
}

/** Those that this host could run. */
function here(probes: readonly Probe[], rows: readonly Row[]): readonly Probe[] {
  return probes.filter((_, index) => rows[index]?.verdict !== 'SKIP')
}

function deepOptions({ deep, timeoutMilliseconds, signal }: CheckOptions): DeepOptions {
  return { ...deep, timeoutMs: timeoutMilliseconds, ...(signal && { signal }) }
}

async function rowOf(probe: Probe, options: CheckOptions): Promise<Row> {
  const row = await judged(probe, options)
  options.onRow?.(row)
  return row
}

async function judged(probe: Probe, options: CheckOptions): Promise<Row> {
  const { from, to, expect } = probe
  if (from.address === undefined) return skipped(probe, runOn(probe))
  if (expect === 'deny' && from.address === to.address)
    return skipped(probe, 'one host: no firewall stands between')
  const { timeoutMilliseconds, witness, signal } = options
  const observation = await observe(probe, {
    timeoutMilliseconds,
    ...(witness && { witness }),
    ...(signal && { signal }),
  })
  signal?.throwIfAborted()
  return judge(probe, observation)
}

/** The ticket is spent on one way only: on the first that can be gone and leads to the STA that issued it. */
function walks(
  ways: readonly PathProbe[],
  { probes }: Plan,
  rows: readonly Row[],
  { timeoutMilliseconds, ticket }: CheckOptions,
): Promise<PathRow>[] {
  let unspent = ticket
  return ways.map(async (path) => {
    const row = rows.find(({ flow }) => flow.id === path.through)
    const probe = probes.find(({ id }) => id === path.through)
    if (probe === undefined || !mayBeGone(row)) return notGone(path, row)
    const spent = unspent !== undefined && isOf(path.staId, unspent) ? unspent : undefined
    if (spent !== undefined) unspent = undefined
    return await walk(path, probe, { timeoutMilliseconds, ticket: spent })
  })
}

/** A way is gone only where its first flow is open to a daemon. */
function mayBeGone(row: Row | undefined): boolean {
  return row?.verdict === 'PASS' && !answeredByListen(row)
}

function notGone(path: PathProbe, row: Row | undefined): PathRow {
  const { id, through, label, behind } = path
  const note =
    row?.verdict === 'PASS'
      ? 'doublehop listen leads nowhere'
      : (row?.note ?? `${through} is not open`)
  return { id, through, label, behind: behind.map((one) => one.id), verdict: 'SKIP', note }
}

/** The layers above are skipped where nobody speaks them. */
function answeredByListen({ layers }: Row): boolean {
  return layers.some(({ result }) => result === 'skip')
}

function isOf(staId: string, ticket: string): boolean {
  try {
    const { primary } = parseTicket(ticket)
    return staId === 'sta' || primary.sta === staId
  } catch (error) {
    if (isFault(error)) return true // whoever reads it next says what is wrong with it
    throw error
  }
}

/** Peers that showed a daemon's certificate, and come from another address than that daemon has. */
function strangers({ admins }: Plan, sessions: readonly Seen[]): Finding[] {
  return admins.flatMap(({ daemon, arrivals }) => {
    const [first] = arrivals
    if (first === undefined) return []
    const expected = arrivals.map(({ address }) => address)
    const peers = sessions
      .filter((one) => one.daemon === daemon && one.peerName !== undefined)
      .map(({ peer }) => hostOf(peer))
    const strange = [...new Set(peers)].filter((peer) => !expected.includes(peer))
    return strange.map((seen) =>
      translated({
        ...{ flow: first.flow, daemon, seen, firewalls: first.firewalls },
        expected: expected.join(' or '),
      }),
    )
  })
}

function hostOf(place: string): string {
  return parseEndpoint(place)?.host ?? place
}
