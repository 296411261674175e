import { fault } from '@doublehop/errors/fault'
import type { Addresses } from '@doublehop/settings/addresses'
import { gatewayTraffic } from '@doublehop/settings/gateway'
import { proxyTraffic } from '@doublehop/settings/proxy'
import type { Settings } from '@doublehop/settings/schema'
import { staTraffic } from '@doublehop/settings/sta'
import { storefrontTraffic } from '@doublehop/settings/storefront'
import type { Dialling, Listening, Traffic, Way } from '@doublehop/settings/traffic'
import { vdaTraffic } from '@doublehop/settings/vda'
import type { Zone } from '@doublehop/settings/zones'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { AddressBook, isLoopback, isUnspecified } from './address-book.ts'

/** A host of the picture: one daemon, at its addresses in its zone. */
export interface Host {
  readonly name: string
  readonly kind: Daemon
  readonly zone: Zone
  readonly addresses: readonly string[]
  readonly listens: readonly Place[]
  readonly dials: readonly Dialling[]
  readonly ways: readonly Way[]
  /** its admin listener, where only its own host can ask */
  readonly admin: Endpoint | undefined
}

/** A listener at one address, as others see it. */
export interface Place extends Omit<Listening, 'at'> {
  readonly address: string
  readonly port: number
}

export type Daemon = 'gateway' | 'proxy' | 'storefront' | 'sta' | 'vda'

/**
 * The hosts that a configuration speaks of: one for each section of a daemon, and one for each further proxy or
 * storefront that the gateway knows.
 *
 * @throws Fault DH_FW_ADDRESS, DH_FW_ZONE, DH_FW_NAME, DH_CONFIG_SECRET
 */
export function hostsOf(settings: Settings, book: AddressBook): Host[] {
  const traffic = trafficOf(settings)
  const own = Object.entries(traffic).map(([kind, one]) =>
    hostOf(kind as Daemon, one, settings, book),
  )
  const twins = Object.values(traffic)
    .flatMap(({ twins = [] }) => twins)
    .flatMap(({ of, called, at }) => {
      const addresses = book.resolve(at, 'gateway')
      const known = own.some((host) => host.listens.some((place) => isAt(place, addresses, at)))
      if (known) return []
      const { listens = [], dials = [] } = traffic[of] ?? {}
      const listen = listens.filter(({ listener }) => listener === 'listen')
      const places = listen.flatMap((one) =>
        addresses.map((address) => ({ ...one, address, port: at.port })),
      )
      const zone = book.zoneOf(addresses[0] ?? '', called)
      const asked = { ways: [], admin: undefined }
      return [{ name: called, kind: of, zone, addresses, listens: places, dials, ...asked }]
    })
  return [...own, ...twins]
}

function trafficOf({ network: { edt }, ...sections }: Settings): Partial<Record<Daemon, Traffic>> {
  const { gateway, proxy, storefront, sta, vda } = sections
  return {
    ...(gateway && { gateway: gatewayTraffic(gateway, edt) }),
    ...(proxy && { proxy: proxyTraffic(proxy) }),
    ...(storefront && { storefront: storefrontTraffic(storefront, edt) }),
    ...(sta && { sta: staTraffic(sta) }),
    ...(vda && { vda: vdaTraffic(vda, edt) }),
  }
}

function hostOf(kind: Daemon, traffic: Traffic, settings: Settings, book: AddressBook): Host {
  const section = settings[kind]
  const addresses = addressesOf(kind, section?.addresses, traffic)
  const zone = section?.zone ?? book.zoneOf(addresses[0] ?? '', kind)
  const listens = traffic.listens
    .filter(({ at }) => at.port > 0)
    .flatMap((listening) =>
      outside(listening.at, addresses).map((address) => ({
        ...listening,
        address,
        port: listening.at.port,
      })),
    )
  return {
    ...{ name: section?.name ?? kind, kind, zone, addresses, listens },
    ...{ dials: traffic.dials, ways: traffic.ways ?? [], admin: section?.admin },
  }
}

/** What the section says, or else the address that its daemon listens on. */
function addressesOf(kind: Daemon, said: Addresses | undefined, { listens }: Traffic): string[] {
  const told = [said?.v4, said?.v6].flatMap((address) => (address === undefined ? [] : [address]))
  if (told.length > 0) return told.map(AddressBook.canonical)
  const heard = listens
    .filter(({ listener, at }) => listener !== 'admin' && !isUnspecified(at.host))
    .map(({ at }) => at.host)
  if (heard.length === 0) throw fault('DH_FW_ADDRESS', { section: kind })
  return [...new Set(heard)]
}

/** Where a listener is met from outside: a port on loopback or on all addresses is one of each address of the host. */
function outside({ host }: Endpoint, addresses: readonly string[]): readonly string[] {
  if (host === '0.0.0.0') return addresses.filter((address) => !address.includes(':'))
  const anywhere = isUnspecified(host) || (isLoopback(host) && !addresses.every(isLoopback))
  return anywhere ? addresses : [host]
}

function isAt(place: Place, addresses: readonly string[], { port }: Endpoint): boolean {
  return place.port === port && addresses.includes(place.address)
}
