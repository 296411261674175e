import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { fault } from '@doublehop/errors/fault'
import type { Flow } from '@doublehop/firewall/flows/flow'
import { type Place, placesOf } from '@doublehop/firewall/listen/places'
import { forkInside } from './fork-inside.ts'
import { addressOf, type Family, type LabHost, zoneOf } from './topology.ts'

const PROCESS = fileURLToPath(import.meta.resolve('./stand-in-process.ts'))

/**
 * Where something could answer on a host: at the daemon's own places, which the daemon has taken; at the port of its
 * admin listener, which itself is on loopback; at one port in each zone without a daemon.
 */
export function placesAt(host: LabHost, flows: readonly Flow[], family: Family): Place[] {
  const address = addressOf(host, family)
  return placesOf(flows, zoneOf(host)).filter((place) => place.address === address)
}

/**
 * Answers as `doublehop listen` does wherever no daemon listens, so that a hole is seen as one.
 *
 * @param prefix of the namespace
 * @returns the process, once it listens
 */
export async function standIn(
  prefix: readonly string[],
  places: readonly Place[],
): Promise<ChildProcess> {
  const child = forkInside(prefix, PROCESS, [JSON.stringify(places)])
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.once('message', () => resolve()).once('error', reject)
  child.once('exit', (code) =>
    reject(fault('DH_LAB_ISOLATION', { why: `doublehop listen ended with ${code}` })),
  )
  await promise
  child.unref()
  child.channel?.unref()
  return child
}
