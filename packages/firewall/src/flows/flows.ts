import type { Settings } from '@doublehop/settings/schema'
import { AddressBook } from './address-book.ts'
import { covers, minimal } from './covering.ts'
import type { Flow } from './flow.ts'
import { candidates } from './forbidden.ts'
import { hostsOf } from './hosts.ts'
import { withIds } from './ids.ts'
import { dialled, visited } from './needed.ts'
import type { Unnamed } from './unnamed.ts'

/**
 * Every flow that the system needs, and every one that must not work: from each daemon, and from one host each in
 * internet, lan and management, to every port in another zone that no needed flow covers. Flows within a zone pass no
 * firewall and are left out.
 *
 * @throws Fault DH_FW_ADDRESS, DH_FW_ZONE, DH_FW_NAME, DH_CONFIG_SECRET
 */
export function flowsOf(settings: Settings): Flow[] {
  const book = new AddressBook(settings)
  const hosts = hostsOf(settings, book)
  const needed = minimal(
    [...dialled(hosts, book), ...visited(hosts, book, settings.workspace)].filter(crossesZones),
  )
  const forbidden = candidates(hosts, needed, book)
    .filter(crossesZones)
    .filter((flow) => !needed.some((other) => covers(other, flow)))
  return withIds([...needed, ...forbidden])
}

function crossesZones({ from, to }: Unnamed): boolean {
  return from.zone !== to.zone
}
