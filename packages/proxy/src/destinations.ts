import { networkInterfaces } from 'node:os'
import { lookUp } from '@doublehop/daemon/dial'
import { fault } from '@doublehop/errors/fault'
import type { ProxySettings } from '@doublehop/settings/proxy'
import { staPlace } from '@doublehop/settings/sta-place'
import { inNetworks } from '@doublehop/settings/values'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import {
  contains,
  formatIp,
  type Network,
  parseIp,
  parseNetwork,
  unmapped,
} from '@doublehop/wire/ip'

type Permission =
  | 'allowLoopback'
  | 'allowLinkLocal'
  | 'allowMulticast'
  | 'allowUnspecified'
  | 'allowTranslated'

/** Networks whose last four bytes are an IPv4 address, and the one that has it behind its prefix. */
const DISGUISES = ['64:ff9b::/96', '64:ff9b:1::/48', '::ffff:0:0/96', '::/96']
const SIX_TO_FOUR = '2002::/16'

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
  special('NAT64, 6to4 or IPv4-mapped', 'allowTranslated', ...DISGUISES, SIX_TO_FOUR),
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
    this.#stas = settings.authorization === 'grant' ? urls.map((url) => staPlace(url).at) : []
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
    const why = (await this.#objection(address)) ?? this.#outside(address)
    if (why !== undefined) {
      throw fault('DH_DESTINATION_FORBIDDEN', { destination: formatEndpoint(address), why })
    }
  }

  /** What speaks against this address, or against the IPv4 address that it is in disguise. */
  async #objection({ host, port }: Endpoint): Promise<string | undefined> {
    const ip = parseIp(host)
    if (ip === undefined) return 'it is no IP address'
    for (const one of [ip, ...hiddenIpv4(ip)]) {
      const address = { host: formatIp(one), port }
      const why = this.#special(one) ?? this.#ownListener(address) ?? (await this.#ownSta(address))
      if (why !== undefined) return why
    }
    return undefined
  }

  #special(ip: Uint8Array): string | undefined {
    // ::1 and :: stand in ::/96 too; the first kind that fits is the one that is meant.
    const found = SPECIAL.find(({ networks }) => networks.some((one) => contains(one, ip)))
    return found === undefined || this.#settings[found.permission]
      ? undefined
      : `a ${found.kind} address`
  }

  #ownListener({ host, port }: Endpoint): string | undefined {
    const isOwn = this.#own.some(
      (own) =>
        own.port === port &&
        (own.host === host || isUnspecified(host) || (isUnspecified(own.host) && isHere(host))),
    )
    return isOwn ? 'a listener of this proxy' : undefined
  }

  /** STAs are compared by address and port, so those that are configured by name are looked up. */
  async #ownSta(address: Endpoint): Promise<string | undefined> {
    for (const sta of this.#stas.filter(({ port }) => port === address.port)) {
      const hosts = parseIp(sta.host) ? [sta.host] : await addressesOf(sta.host)
      if (hosts === undefined) return `${sta.host}, an STA, does not resolve, and may be there`
      if (hosts.some((host) => unmapped(host) === address.host)) return 'an STA'
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

/** The IPv4 address that an IPv6 address is in disguise. */
function hiddenIpv4(ip: Uint8Array): Uint8Array[] {
  const isIn = (text: string): boolean => contains(parseNetwork(text) as Network, ip)
  if (isIn(SIX_TO_FOUR)) return [ip.subarray(2, 6)]
  return DISGUISES.some(isIn) && !isIn('::1') ? [ip.subarray(12)] : []
}

/** A listener there listens on every address of its host; who connects to it reaches the host itself. */
function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** An address of this host; all of 127.0.0.0/8 is. */
function isHere(host: string): boolean {
  const here = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return host.startsWith('127.') || here.some(({ address }) => unmapped(address) === host)
}

/** Undefined when the resolver does not know it, or does not answer. */
async function addressesOf(name: string): Promise<string[] | undefined> {
  const found = await lookUp(name).catch(() => undefined)
  return found?.map(({ address }) => address)
}
