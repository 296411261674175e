import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { fault } from '@doublehop/errors/fault'
import type { ProxySettings } from '@doublehop/settings/proxy'
import { inNetworks } from '@doublehop/settings/values'
import { type Endpoint, formatEndpoint, sameEndpoint } from '@doublehop/wire/endpoint'
import { contains, type Network, parseIp, parseNetwork, unmapped } from '@doublehop/wire/ip'
import { endpointOf } from './stas.ts'

type Permission =
  | 'allowLoopback'
  | 'allowLinkLocal'
  | 'allowMulticast'
  | 'allowUnspecified'
  | 'allowTranslated'

/** Addresses that are never a server of ours by accident, and what permits them all the same. */
const SPECIAL: readonly { kind: string; permission: Permission; networks: readonly Network[] }[] = [
  special('loopback', 'allowLoopback', '127.0.0.0/8', '::1/128'),
  special('link-local', 'allowLinkLocal', '169.254.0.0/16', 'fe80::/10'),
  special(
    'multicast or broadcast',
    'allowMulticast',
    '224.0.0.0/4',
    '255.255.255.255/32',
    'ff00::/8',
  ),
  special('unspecified', 'allowUnspecified', '0.0.0.0/8', '::/128'),
  // RFC 6052, 8215, 3056, 4291: an IPv4 address in disguise, which rules for IPv4 would not see.
  special(
    'NAT64, 6to4 or IPv4-mapped',
    'allowTranslated',
    '64:ff9b::/96',
    '64:ff9b:1::/48',
    '2002::/16',
    '::ffff:0:0/96',
    '::/96',
  ),
]

/** Where this proxy may connect to, beyond what grants say. */
export class Destinations {
  readonly #settings: ProxySettings
  readonly #stas: readonly Endpoint[]
  #own: readonly Endpoint[] = []

  constructor(settings: ProxySettings) {
    this.#settings = settings
    const urls = settings.stas?.flatMap(({ urls }) => urls) ?? []
    // With an allowlist there is no relay, and an STA is a destination like any other.
    this.#stas =
      settings.authorization === 'grant' ? urls.map((url) => endpointOf(new URL(url))) : []
  }

  /** Our own listeners are nobody's destination. */
  protect(own: readonly Endpoint[]): void {
    this.#own = own
  }

  /**
   * Whether this address may be dialled. Called with what a name resolved to, right before that address is dialled.
   *
   * @throws Fault DH_DESTINATION_FORBIDDEN
   */
  async permit(address: Endpoint): Promise<void> {
    const why =
      this.#specialAddress(address) ??
      this.#ownListener(address) ??
      (await this.#ownSta(address)) ??
      this.#outside(address)
    if (why !== undefined)
      throw fault('DH_DESTINATION_FORBIDDEN', { destination: formatEndpoint(address), why })
  }

  #specialAddress({ host }: Endpoint): string | undefined {
    const ip = parseIp(host)
    if (ip === undefined) return 'it is no IP address'
    // ::1 and :: stand in ::/96 too; the first kind that fits is the one that is meant.
    const found = SPECIAL.find(({ networks }) => networks.some((network) => contains(network, ip)))
    return found === undefined || this.#settings[found.permission]
      ? undefined
      : `a ${found.kind} address`
  }

  #ownListener(address: Endpoint): string | undefined {
    const isOwn = this.#own.some(
      ({ host, port }) =>
        port === address.port && (host === address.host || isWildcardHere(host, address.host)),
    )
    return isOwn ? 'a listener of this proxy' : undefined
  }

  /** STAs are compared by address and port, so those that are configured by name are looked up. */
  async #ownSta(address: Endpoint): Promise<string | undefined> {
    for (const sta of this.#stas.filter(({ port }) => port === address.port)) {
      const hosts = parseIp(sta.host) ? [sta.host] : await addressesOf(sta.host)
      if (hosts.some((host) => sameEndpoint({ host: unmapped(host), port: sta.port }, address)))
        return 'an STA'
    }
    return undefined
  }

  #outside({ host, port }: Endpoint): string | undefined {
    const { networks, ports } = this.#settings.destinations
    if (networks.length > 0 && !inNetworks(networks, host)) return 'outside destinations.networks'
    if (ports.length > 0 && !ports.includes(port)) return 'outside destinations.ports'
    return undefined
  }
}

function special(kind: string, permission: Permission, ...networks: string[]) {
  return { kind, permission, networks: networks.map((text) => parseNetwork(text) as Network) }
}

/** A listener on 0.0.0.0 or :: listens on every address of this host, and on all of loopback. */
function isWildcardHere(listening: string, address: string): boolean {
  if (listening !== '0.0.0.0' && listening !== '::') return false
  const here = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return address.startsWith('127.') || here.some((one) => one.address === address)
}

async function addressesOf(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true }).catch(() => [])
  return found.map(({ address }) => address)
}
