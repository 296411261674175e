import { setTimeout as delay } from 'node:timers/promises'
import { fault } from '@doublehop/errors/fault'
import { changesSince } from '@doublehop/firewall/check/baseline'
import { exitCodeOf } from '@doublehop/firewall/check/exit'
import type { Plan } from '@doublehop/firewall/check/plan'
import { planOf } from '@doublehop/firewall/check/plan-of'
import type { CheckResult, Verdict } from '@doublehop/firewall/check/result'
import { type CheckOptions, runCheck } from '@doublehop/firewall/check/run'
import { openWitness } from '@doublehop/firewall/check/witness'
import { join } from '@doublehop/firewall/report/join'
import { nearest } from '@doublehop/settings/nearest'
import { ZONES } from '@doublehop/settings/zones'
import { parseTicket } from '@doublehop/wire/ticket'
import { type CheckFormat, printCheck } from '../check-output.ts'
import { CheckProgress } from '../check-progress.ts'
import { loadConfiguration } from '../configuration-file.ts'
import { fileHere } from '../file-here.ts'
import { checkInside } from '../lab/isolated/check-inside.ts'
import { isolationOf } from '../lab/isolated/enter.ts'
import { type PlanOptions, plansHere } from '../plans-here.ts'
import { readResults } from '../result-files.ts'

export interface CheckCommandOptions extends PlanOptions {
  readonly only?: readonly string[] | undefined
  /** seconds */
  readonly timeout: number
  readonly format: CheckFormat
  /** `-`: the environment variable DOUBLEHOP_TICKET */
  readonly ticket?: string | undefined
  /** seconds between two checks; true is ten */
  readonly watch?: number | true | undefined
  readonly baseline?: string | undefined
  readonly deep: boolean
  /** seconds */
  readonly idleMax: number
}

const WATCH_SECONDS = 10

/**
 * doublehop check: every flow that starts on this host, or on all hosts of an isolated lab. Ctrl-C ends it, with the
 * verdict that it has reached until then.
 *
 * @returns 0 as it must be, 1 blocked, 2 leak, 3 no verdict
 */
export async function check(options: CheckCommandOptions): Promise<number> {
  const { baseline, deep, idleMax, watch, format, only } = options
  const run = checking(options)
  let before = baseline === undefined ? undefined : readResults(baseline).checks
  if (deep) process.stderr.write(`doublehop: looking deep takes up to ${idleMax} s and a little\n`)
  const over = endByHand()
  let verdict: Verdict = 'SKIP'
  for (;;) {
    const results = await unlessOver(run(over), over)
    if (results === undefined) break
    printCheck(results, before && changes(before, results, only), format)
    verdict = join(results, []).verdict
    if (watch === undefined) break
    before = results
    await pause((watch === true ? WATCH_SECONDS : watch) * 1000, over)
    if (over.aborted) break
  }
  return exitCodeOf(verdict)
}

/** Ctrl-C, or nobody who reads any more. A second Ctrl-C ends the process as it always does. */
function endByHand(): AbortSignal {
  const over = new AbortController()
  const stop = (): void => over.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  process.stdout.once('error', stop)
  return over.signal
}

/** Undefined where it was ended before it found anything. */
async function unlessOver<T>(found: Promise<T>, over: AbortSignal): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (over.aborted) return undefined
    throw error
  }
}

async function pause(milliseconds: number, over: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal: over }).catch(() => {})
}

type Run = (over: AbortSignal) => Promise<CheckResult[]>

/** What is run each time. @throws Fault DH_TICKET_FORM, DH_FW_FLOW, and those of plansHere */
function checking(options: CheckCommandOptions): Run {
  const { plan, config, state, zone, only, timeout, deep, idleMax } = options
  const how = {
    ...{ timeoutMilliseconds: timeout * 1000, only, ticket: ticketOf(options) },
    deep: deep ? { idleMaxSeconds: idleMax } : undefined,
  }
  const named = plan ?? config ?? fileHere(state)
  const isolation = named === undefined ? isolationOf(state) : undefined
  const settings = isolation && loadConfiguration({ state })
  const plans =
    settings === undefined
      ? plansHere(options)
      : (zone === undefined ? ZONES : [zone]).map((one) => planOf(settings, one))
  for (const id of only ?? []) assertKnown(id, plans)
  const progress = new CheckProgress(plans, only)
  return async (signal) => {
    progress.begin()
    const onFlow = (id: string): void => progress.flow(id)
    try {
      if (isolation === undefined || settings === undefined)
        return await runAll(plans, { ...how, signal, onRow: ({ flow }) => onFlow(flow.id) })
      return await checkInside(isolation, settings, zone, how, { signal, onNotice: onFlow })
    } finally {
      progress.end()
    }
  }
}

/** @throws Fault DH_USAGE, DH_TICKET_FORM before anything is sent */
function ticketOf({ ticket }: CheckCommandOptions): string | undefined {
  const told = ticket === '-' ? process.env.DOUBLEHOP_TICKET : ticket
  if (ticket === '-' && told === undefined)
    throw fault('DH_USAGE', { why: 'the environment variable DOUBLEHOP_TICKET is not set' })
  if (told !== undefined) parseTicket(told)
  return told
}

/** Zone after zone: what one measures is not disturbed by the other. */
async function runAll(plans: readonly Plan[], how: CheckOptions): Promise<CheckResult[]> {
  const witness = await openWitness()
  try {
    const results: CheckResult[] = []
    for (const plan of plans) results.push(await runCheck(plan, { ...how, witness }))
    return results
  } finally {
    witness?.close()
  }
}

/** Of the flows that are checked now; an earlier check may have been of more. */
function changes(
  before: readonly CheckResult[],
  now: readonly CheckResult[],
  only: readonly string[] | undefined,
) {
  const zones = new Set(now.map(({ zone }) => zone))
  const rows = join(before, []).rows.filter(
    ({ flow }) => zones.has(flow.from.zone) && (only === undefined || only.includes(flow.id)),
  )
  return changesSince({ rows }, join(now, []))
}

/** @throws Fault DH_FW_FLOW */
function assertKnown(id: string, plans: readonly Plan[]): void {
  const ids = plans.flatMap(({ probes, paths }) => [...probes, ...paths].map((one) => one.id))
  if (ids.includes(id)) return
  const near = nearest(id, ids)
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  throw fault('DH_FW_FLOW', { flow: id, nearest: hint })
}
