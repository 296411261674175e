import { readlinkSync } from 'node:fs'
import { fault } from '@doublehop/errors/fault'
import { findLab, type Isolation } from '../lab-state.ts'
import { insideOf, isHolding } from './namespace.ts'
import { programPath, widenPath } from './possible.ts'
import type { Place } from './topology.ts'

/** The namespaces of the lab in this folder; undefined without a lab, and for a lab on loopback. */
export function isolationOf(state: string): Isolation | undefined {
  try {
    return findLab(state).isolation
  } catch {
    return undefined
  }
}

/**
 * What stands before a command that is to run at a place of the lab in this folder.
 *
 * @returns nothing for a lab on loopback, or where this process is there already
 * @throws Fault DH_NO_LAB when its namespaces are gone, DH_LAB_ISOLATION when they may not be entered
 */
export function prefixInto(place: Place, isolation: Isolation | undefined): readonly string[] {
  if (isolation === undefined) return []
  const holder = isolation.holders[place]
  // Never here instead: it may be a firewall that is to be emptied.
  if (holder === undefined) throw fault('DH_NO_LAB', { why: `it has no ${place}` })
  if (process.getuid?.() !== 0)
    throw fault('DH_LAB_ISOLATION', { why: 'only root enters its namespaces' })
  widenPath()
  if (!isHolding(holder)) throw fault('DH_NO_LAB', { why: 'its namespaces are gone' })
  const isThere = namespaceOf('self') === namespaceOf(holder.pid)
  return isThere ? [] : insideOf(holder)
}

/**
 * Goes to a place of the lab in this folder: this very command begins again there, with the same process id, standard
 * streams and exit code. Nothing may have been read or written before. Returns where there is nothing to enter.
 *
 * @throws Fault DH_NO_LAB, DH_LAB_ISOLATION
 */
export function enterNamespace(place: Place, state: string): void {
  const prefix = prefixInto(place, isolationOf(state))
  const [program, ...args] = prefix
  if (program === undefined) return
  const again = [...args, process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  process.execve?.(programPath(program), [program, ...again], process.env)
}

function namespaceOf(process: number | 'self'): string {
  return readlinkSync(`/proc/${process}/ns/net`)
}
