import { ZONES_OF_PEOPLE } from '@doublehop/settings/zones'
import type { AddressBook } from './address-book.ts'
import type { Host } from './hosts.ts'
import { familyOf, type Unnamed, unnamed } from './unnamed.ts'
import { whyForbidden } from './why-forbidden.ts'

/** Every way into another zone, whether it is needed or not. */
export function candidates(
  hosts: readonly Host[],
  needed: readonly Unnamed[],
  book: AddressBook,
): Unnamed[] {
  const sources = [
    ...hosts.flatMap(({ name, zone, addresses }) =>
      addresses.map((address) => ({ name, zone, network: address, address })),
    ),
    ...ZONES_OF_PEOPLE.flatMap((zone) =>
      ([4, 6] as const).flatMap((family) => {
        const address = book.probeOf(zone, family)
        return address === undefined ? [] : [{ name: zone, zone, network: address, address }]
      }),
    ),
  ]
  const targets = guarded(hosts, needed, book)
  return sources.flatMap((from) =>
    targets
      .filter(({ to }) => familyOf(to.address) === familyOf(from.address))
      .map((target) =>
        unnamed({
          ...{ from, to: target.to, protocol: target.protocol, port: target.port },
          ...{ speaks: target.speaks, tls: undefined },
          purpose: { why: whyForbidden(from, target), steps: [] },
          expect: 'deny',
        }),
      ),
  )
}

interface Target extends Pick<Unnamed, 'to' | 'protocol' | 'port' | 'speaks'> {
  readonly listener?: string
}

/** All that could be reached: listeners, places that launches lead to, and one port in each zone without either. */
function guarded(
  hosts: readonly Host[],
  needed: readonly Unnamed[],
  book: AddressBook,
): readonly Target[] {
  const listeners = hosts.flatMap(({ name, zone, listens }) =>
    listens.map(({ address, port, transport: protocol, speaks, listener }) => ({
      to: { name, zone, address, host: undefined },
      ...{ protocol, port, speaks, listener },
    })),
  )
  const servers = needed
    .filter(({ steps }) => steps.length > 0)
    .map(({ to, protocol, port, speaks }) => ({
      to: { ...to, host: undefined },
      ...{ protocol, port, speaks },
    }))
  const inUse = new Set(hosts.map(({ zone }) => zone))
  const empty = ZONES_OF_PEOPLE.filter((zone) => !inUse.has(zone)).flatMap((zone) =>
    ([4, 6] as const).flatMap((family) => {
      const address = book.probeOf(zone, family)
      if (address === undefined) return []
      const to = { name: zone, zone, address, host: undefined }
      return [{ to, protocol: 'tcp', port: book.probePort, speaks: 'tcp' } as const]
    }),
  )
  const all = new Map<string, Target>()
  for (const target of [...listeners, ...servers, ...empty]) {
    const { to, protocol, port } = target
    const key = `${protocol} ${to.address} ${port}`
    if (!all.has(key)) all.set(key, target)
  }
  return [...all.values()]
}
