import { FIREWALLS, type Firewall } from '@doublehop/firewall/flows/paths'
import { ZONES } from '@doublehop/settings/zones'
import { type Holder, Namespace } from './namespace.ts'
import { hostRoutes, type Route, routerRoutes } from './routes.ts'
import { runInside } from './run-inside.ts'
import {
  addressOf,
  type Family,
  LAB_HOSTS,
  legsOf,
  networkOf,
  PLACES,
  type Place,
  ROUTERS,
  routerAddress,
  routerOf,
  zoneOf,
} from './topology.ts'

/** Routers pass packets on, whichever way the answer goes, and tell of every one that they refuse. */
const ROUTER_SYSCTLS = [
  'net/ipv4/ip_forward=1',
  'net/ipv6/conf/all/forwarding=1',
  'net/ipv4/conf/all/rp_filter=0',
  'net/ipv4/conf/default/rp_filter=0',
  'net/ipv4/conf/all/send_redirects=0',
  'net/ipv4/conf/default/send_redirects=0',
  'net/ipv4/icmp_ratelimit=0',
  'net/ipv6/icmp/ratelimit=0',
]

/** A namespace's end of a cable; the other end is in the bridge of that zone. */
interface Cable {
  readonly place: Place
  readonly zone: (typeof ZONES)[number]
  /** `eth0` at a host; a router names each leg for its zone */
  readonly name: string
  readonly address: string
}

/** Hosts, three routers, and a bridge for each zone: every one in a namespace of its own. */
export class IsolatedNetwork {
  readonly family: Family
  readonly #namespaces: ReadonlyMap<Place | 'switch', Namespace>

  private constructor(family: Family, namespaces: ReadonlyMap<Place | 'switch', Namespace>) {
    this.family = family
    this.#namespaces = namespaces
  }

  /**
   * Builds all of it, or nothing.
   *
   * @param rules what each firewall loads, for `nft -f`
   * @throws Fault DH_LAB_ISOLATION
   */
  static async build(
    family: Family,
    rules: (firewall: Firewall) => string,
  ): Promise<IsolatedNetwork> {
    const network = new IsolatedNetwork(family, await openAll())
    try {
      await network.#lay()
      await Promise.all([
        ...LAB_HOSTS.map((host) =>
          network.#configure(host, hostRoutes(zoneOf(host), network.family)),
        ),
        ...FIREWALLS.map(async (firewall) => {
          await network.#configure(routerOf(firewall), routerRoutes(firewall, network.family))
          await runInside(network.inside(routerOf(firewall)), ['nft', '-f', '-'], rules(firewall))
        }),
      ])
      return network
    } catch (error) {
      await network.close()
      throw error
    }
  }

  /** What stands before a command that is to run there. */
  inside(place: Place): readonly string[] {
    return this.#namespace(place).prefix
  }

  /** Who holds each namespace. */
  get holders(): Record<Place, Holder> {
    const all = PLACES.map((place) => [place, this.#namespace(place).holder] as const)
    return Object.fromEntries(all) as Record<Place, Holder>
  }

  /** Ends whoever is inside, and all namespaces. */
  async close(): Promise<void> {
    await Promise.all([...this.#namespaces.values()].map((one) => one.close()))
  }

  /** Lays the cables, all from one end: making them is most of the work, and the kernel makes one at a time. */
  async #lay(): Promise<void> {
    const bridges = ZONES.flatMap((zone) => [
      `link add ${bridgeOf(zone)} type bridge mcast_snooping 0`,
      `link set ${bridgeOf(zone)} up`,
    ])
    const cables = cablesOf(this.family).flatMap(({ place, zone, name }, number) => {
      const { pid } = this.#namespace(place).holder
      return [
        `link add port${number} type veth peer name ${name} netns ${pid}`,
        `link set port${number} master ${bridgeOf(zone)} up`,
      ]
    })
    await this.#batch('switch', [...bridges, ...cables])
  }

  async #configure(place: Place, routes: readonly Route[]): Promise<void> {
    const cables = cablesOf(this.family).filter((cable) => cable.place === place)
    await this.#batch(place, [
      'link set lo up',
      ...cables.flatMap(({ name, address, zone }) => [
        `address add ${address}/${networkOf(zone, this.family).split('/')[1]} dev ${name}${this.family === 6 ? ' nodad' : ''}`,
        `link set ${name} up`,
      ]),
      ...routes.map(({ to, via }) => `route add ${to} via ${via}`),
    ])
  }

  async #batch(place: Place | 'switch', lines: readonly string[]): Promise<void> {
    const { prefix } = this.#namespace(place)
    await runInside(prefix, ['ip', '-batch', '-'], `${lines.join('\n')}\n`)
  }

  #namespace(place: Place | 'switch'): Namespace {
    const namespace = this.#namespaces.get(place)
    if (namespace === undefined) throw new Error(`no namespace for ${place}`)
    return namespace
  }
}

/** All namespaces, empty; or, when one of them cannot be made, none. */
async function openAll(): Promise<Map<Place | 'switch', Namespace>> {
  const isRouter = (place: string): boolean => ROUTERS.some((router) => router === place)
  const opened = await Promise.allSettled(
    (['switch', ...PLACES] as const).map(
      async (place) =>
        [
          place,
          await Namespace.open([
            // Bridges need no addresses of their own.
            ...(place === 'switch' ? ['net/ipv6/conf/default/disable_ipv6=1'] : []),
            ...(isRouter(place) ? ROUTER_SYSCTLS : []),
          ]),
        ] as const,
    ),
  )
  const failed = opened.find((one) => one.status === 'rejected')
  const made = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (failed === undefined) return new Map(made)
  await Promise.all(made.map(([, namespace]) => namespace.close()))
  throw failed.reason
}

function cablesOf(family: Family): Cable[] {
  return [
    ...LAB_HOSTS.map((host) => ({
      ...{ place: host, zone: zoneOf(host), name: 'eth0' },
      address: addressOf(host, family),
    })),
    ...FIREWALLS.flatMap((firewall) =>
      legsOf(firewall).map((zone) => ({
        ...{ place: routerOf(firewall), zone, name: zone },
        address: routerAddress(firewall, zone, family),
      })),
    ),
  ]
}

function bridgeOf(zone: string): string {
  return `br-${zone}`
}
