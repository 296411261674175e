import type { Settings } from '@doublehop/settings/schema'
import type { Dialling } from '@doublehop/settings/traffic'
import { ZONES_OF_PEOPLE, type Zone } from '@doublehop/settings/zones'
import type { AddressBook } from './address-book.ts'
import { isWithin } from './covering.ts'
import type { FlowTls, Source } from './flow.ts'
import type { Host, Place } from './hosts.ts'
import { familyOf, type Unnamed, unnamed } from './unnamed.ts'

/** What daemons dial. */
export function dialled(hosts: readonly Host[], book: AddressBook): Unnamed[] {
  return hosts.flatMap((host) =>
    host.dials.flatMap((dial) =>
      dialling(dial, host, hosts).flatMap((source) => between(source, dial, hosts, book)),
    ),
  )
}

/** Who dials: this daemon, or every proxy. */
function dialling({ by }: Dialling, host: Host, hosts: readonly Host[]): readonly Host[] {
  return by === undefined ? [host] : hosts.filter(({ kind }) => kind === by)
}

function between(
  source: Host,
  dial: Dialling,
  hosts: readonly Host[],
  book: AddressBook,
): Unnamed[] {
  const { to, transport: protocol } = dial
  return book.resolve(to, source.kind).flatMap((address) => {
    const family = familyOf(address)
    const from = source.addresses.find((one) => familyOf(one) === family)
    if (from === undefined) return []
    const found = listenerAt(hosts, address, to.port, protocol)
    const zone = found?.host.zone ?? book.zoneOf(address, dial.called)
    return [
      unnamed({
        from: { name: source.name, zone: source.zone, network: from, address: from },
        to: {
          ...{ name: found?.host.name ?? dial.called, zone, address },
          host: to.host === address ? undefined : to.host,
        },
        ...{ protocol, port: to.port, purpose: dial },
        speaks: spokenTo(dial, found?.place),
        tls: dial.tls && { ...dial.tls, ...expected(found?.place) },
      }),
    ]
  })
}

/**
 * Of a server nothing more may be known here than its address; its own section knows what it speaks. Who passes TLS on,
 * as a foreign proxy does, cannot ask there itself.
 */
function spokenTo({ speaks, tls }: Dialling, place: Place | undefined): Dialling['speaks'] {
  const isPassedOn = tls === undefined && place?.certificate !== undefined
  return speaks !== 'tcp' || place === undefined || isPassedOn ? speaks : place.speaks
}

/** Whom people reach. */
export function visited(
  hosts: readonly Host[],
  book: AddressBook,
  workspace: Settings['workspace'],
): Unnamed[] {
  return hosts.flatMap((host) =>
    host.listens.flatMap((place) => {
      const { audience } = place
      if (audience === undefined) return []
      return audience.zones.flatMap((zone) =>
        book.networksOf(zone, familyOf(place.address)).map((network) =>
          unnamed({
            from: peopleOf(zone, network, place.address, book),
            to: { name: host.name, zone: host.zone, address: place.address, host: undefined },
            ...{ protocol: place.transport, port: place.port, speaks: place.speaks },
            purpose: audience,
            tls: place.certificate === undefined ? undefined : asWorkspace(place, workspace),
          }),
        ),
      )
    }),
  )
}

function peopleOf(zone: Zone, network: string, destination: string, book: AddressBook): Source {
  const people = ZONES_OF_PEOPLE.find((one) => one === zone)
  const probe = people && book.probeOf(people, familyOf(destination))
  const address = probe !== undefined && isWithin(probe, network) ? probe : undefined
  return { name: zone, zone, network, address }
}

function asWorkspace(place: Place, workspace: Settings['workspace']): FlowTls {
  const { ca, serverName, gateway } = workspace ?? {}
  const name = serverName ?? gateway?.host
  return {
    ...expected(place),
    ...(ca !== undefined && { ca }),
    ...(name !== undefined && { serverName: name }),
  }
}

function expected(place: Place | undefined): Pick<FlowTls, 'expected'> {
  return place?.certificate === undefined ? {} : { expected: place.certificate }
}

function listenerAt(
  hosts: readonly Host[],
  address: string,
  port: number,
  transport: string,
): { readonly host: Host; readonly place: Place } | undefined {
  for (const host of hosts) {
    const place = host.listens.find(
      (one) => one.address === address && one.port === port && one.transport === transport,
    )
    if (place !== undefined) return { host, place }
  }
  return undefined
}
