import { fault } from '@doublehop/errors/fault'
import type { Settings } from '@doublehop/settings/schema'
import { ZONES, type Zone } from '@doublehop/settings/zones'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { contains, formatIp, type Network, parseIp } from '@doublehop/wire/ip'

/** How far into a network its host for checks stands where the configuration names none; the first ones are often routers. */
const TENTH = 10

/** Which address a name means, which zone an address lies in, and where a zone without a daemon is checked from. */
export class AddressBook {
  readonly #zones: Settings['zones']
  readonly #network: Settings['network']

  constructor({ zones, network }: Pick<Settings, 'zones' | 'network'>) {
    this.#zones = zones
    this.#network = network
  }

  /** One spelling for each address. */
  static canonical(this: void, address: string): string {
    const bytes = parseIp(address)
    return bytes === undefined ? address : formatIp(bytes)
  }

  /** The addresses that a place has. @param section who dials it @throws Fault DH_FW_NAME */
  resolve({ host }: Endpoint, section: string): readonly string[] {
    if (parseIp(host) !== undefined) return [host]
    const { hosts } = this.#network
    const found = hosts.filter(({ name }) => name === host).flatMap(({ addresses }) => addresses)
    const addresses = found.flatMap(({ v4, v6 }) => [v4, v6]).filter((one) => one !== undefined)
    if (addresses.length === 0) throw fault('DH_FW_NAME', { name: host, section })
    return addresses.map(AddressBook.canonical)
  }

  /** The zone whose network fits closest. @param name whose address it is, for the error @throws Fault DH_FW_ZONE */
  zoneOf(address: string, name: string): Zone {
    const ip = parseIp(address)
    const holding = ZONES.flatMap((zone) =>
      (this.#zones[zone] ?? []).map((network) => ({ zone, network })),
    ).filter(({ network }) => ip !== undefined && contains(network, ip))
    const [closest] = holding.toSorted((a, b) => b.network.bits - a.network.bits)
    if (closest !== undefined) return closest.zone
    if (this.#zones.internet === undefined) return 'internet'
    throw fault('DH_FW_ZONE', { name, address })
  }

  /** What a rule for people of this zone holds as source: its networks, or `any` for an internet without a list. */
  networksOf(zone: Zone, family: 4 | 6): readonly string[] {
    const networks = this.#zones[zone]
    if (networks === undefined) return zone === 'internet' ? ['any'] : []
    return networks.filter((one) => familyOf(one) === family).map(networkText)
  }

  /** The address in this zone that checks start from and `doublehop listen` waits at. */
  probeOf(zone: 'internet' | 'lan' | 'management', family: 4 | 6): string | undefined {
    const said = this.#network.probes[zone]?.[family === 4 ? 'v4' : 'v6']
    if (said !== undefined) return AddressBook.canonical(said)
    const first = this.#zones[zone]?.find((network) => familyOf(network) === family)
    return first === undefined ? undefined : tenth(first)
  }

  get probePort(): number {
    return this.#network.probes.port
  }
}

/** `10.1.0.0/16`, whichever address of it was written; a single address stands alone. */
function networkText({ address, bits }: Network): string {
  const text = formatIp(firstOf({ address, bits }))
  return bits === address.length * 8 ? text : `${text}/${bits}`
}

function firstOf({ address, bits }: Network): Uint8Array {
  return address.map((byte, index) => byte & maskOf(bits - index * 8))
}

/** The byte of a netmask with so many ones, of eight. */
function maskOf(ones: number): number {
  return 256 - (1 << (8 - Math.min(8, Math.max(0, ones))))
}

export function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.')
}

export function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function familyOf({ address }: Network): 4 | 6 {
  return address.length === 4 ? 4 : 6
}

function tenth({ address, bits }: Network): string {
  const copy = Uint8Array.from(firstOf({ address, bits }))
  const room = address.length * 8 - bits
  if (room >= 4) copy[copy.length - 1] = (copy.at(-1) ?? 0) + TENTH
  return formatIp(copy)
}
