import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Ticket } from '@doublehop/wire/ticket'
import { GatewayAccess } from '@doublehop/workspace/gateway-access'
import type { Test } from 'tap'
import { shownBy } from './ask-admin.ts'
import { FrailRedis } from './frail-redis.ts'
import { freePort } from './free-port.ts'
import { House, type LogLine, type Running } from './house.ts'
import { Link } from './link.ts'
import { metricOf } from './metric.ts'
import { Mortal } from './mortal.ts'
import { Witness } from './witness.ts'

export const DAEMONS = ['gateway', 'proxy', 'sta', 'storefront', 'vda'] as const
export type DaemonName = (typeof DAEMONS)[number]

export interface Wishes {
  readonly redeemAt?: string
  /** the STA keeps its tickets there */
  readonly redis?: boolean
}

/** A session that was there before, and which daemons of the double hop it needs. */
export interface Bystander {
  readonly what: string
  readonly needs: readonly DaemonName[]
  readonly open: () => Promise<Witness>
  session: Witness
}

/**
 * The double hop with each daemon a process of its own, which can be killed and started again on its ports, and with
 * links between client and gateway, gateway and proxy, proxy and STA. Beside it stand, in this process, a gateway
 * before the same proxy, a double hop of its own before the same server, and another server.
 */
export class MortalDoubleHop {
  readonly daemons: Readonly<Record<DaemonName, Mortal>>
  readonly links: { readonly client: Link; readonly hop: Link; readonly sta: Link }
  /** where the app `queued` is published: in front of the server */
  readonly queuePort: number
  readonly bystanders: Bystander[] = []
  readonly house: House
  /** the way of the launches under test, through the first link */
  readonly access: GatewayAccess
  readonly #direct: GatewayAccess

  private constructor(
    house: House,
    daemons: Readonly<Record<DaemonName, Mortal>>,
    links: MortalDoubleHop['links'],
    queuePort: number,
    direct: GatewayAccess,
  ) {
    this.house = house
    this.daemons = daemons
    this.links = links
    this.queuePort = queuePort
    this.#direct = direct
    this.access = new GatewayAccess({ ...direct.address, gateway: links.client.at })
  }

  static async start(
    t: Test,
    { redeemAt = 'gateway', redis = false }: Wishes,
  ): Promise<MortalDoubleHop> {
    const house = new House(t)
    const port = async () => `127.0.0.1:${await freePort()}`
    const listeners = async () => ({ listen: await port(), admin: await port() })
    const sta = {
      ...(await listeners()),
      authorityId: 'STA01',
      identity: house.identity('sta'),
      serviceKey: 'file:certs/sta/service.key',
      issuers: { names: ['storefront'] },
      redeemers: { names: ['proxy'] },
      ...(redis && { store: (await FrailRedis.start(t)).store }),
    }
    const toSta = await Link.before(t, endpointOf(sta.listen))
    const listed = (where: string) => [{ id: 'STA01', urls: [`https://${where}`] }]
    const proxy = {
      ...(await listeners()),
      allow: { names: ['gateway'] },
      identity: house.identity('proxy'),
      grants: { keys: ['file:certs/proxy/grant.key'] },
      stas: listed(toSta.where),
      allowLoopback: true,
    }
    const vda = {
      admin: await port(),
      apps: [{ name: 'echo', kind: 'echo', listenCgp: await port() }],
    }
    const beside = await house.vda([{ name: 'beside', kind: 'echo', listenCgp: '127.0.0.1:0' }])
    const queuePort = await freePort()
    const echo = vda.apps[0]?.listenCgp ?? ''
    const storefront = {
      ...(await listeners()),
      identity: house.identity('storefront'),
      gateways: { names: ['gateway'] },
      tokenDigest: 'file:certs/storefront/token.sha256',
      serviceKey: 'file:certs/storefront/service.key',
      stas: listed(sta.listen),
      apps: [
        { name: 'echo', cgpAddress: echo },
        { name: 'queued', cgpAddress: `127.0.0.1:${queuePort}` },
        { name: 'beside', cgpAddress: beside.where('beside.cgp') },
      ],
    }
    const hop = await Link.before(t, endpointOf(proxy.listen))
    const gateway = {
      ...(await listeners()),
      tls: { certificate: 'certs/gateway/tls.crt', key: 'certs/gateway/tls.key' },
      identity: house.identity('gateway'),
      nextHops: [{ name: 'proxy', address: hop.where }],
      stas: listed(toSta.where),
      storefronts: [{ address: storefront.listen }],
      redeemAt,
      limits: { failureDelay: 'off' }, // every case of every test has a few spent tickets to show
    }
    const sections = { gateway, proxy, sta, storefront, vda }
    const started = DAEMONS.map(
      async (kind) => [kind, await new Mortal(t, house, kind, sections[kind]).start()] as const,
    )
    const daemons = Object.fromEntries(await Promise.all(started)) as Record<DaemonName, Mortal>
    const links = { client: await Link.before(t, endpointOf(gateway.listen)), hop, sta: toSta }
    const direct = new GatewayAccess({
      gateway: endpointOf(gateway.listen),
      ca: `${house.folder}/certs/workspace/ca.crt`,
    })
    const double = new MortalDoubleHop(house, daemons, links, queuePort, direct)
    await double.#standBy(gateway, proxy, storefront.listen, toSta.where)
    return double
  }

  ticket(app = 'echo'): Promise<Ticket> {
    return this.house.ticket(this.#direct, app)
  }

  /** What all its processes have logged, in their lives. */
  get lines(): LogLine[] {
    return DAEMONS.flatMap((name) => this.daemons[name].lines)
  }

  /** Ports from which the hop link reached the proxy for sessions that are open. */
  async sessionsOfHop(): Promise<Set<number>> {
    const { sessions } = await shownBy(this.daemons.proxy.at.admin)
    return new Set(sessions.map(({ peer }) => endpointOf(peer).port))
  }

  /** Sessions as /sessions and the metric `doublehop_sessions` count them; the two must agree. */
  async sessions(name: 'gateway' | 'proxy' | 'vda'): Promise<{ shown: number; metric: number }> {
    const { admin } = this.daemons[name].at
    const { sessions } = await shownBy(admin)
    const metric = (await metricOf(admin, 'doublehop_sessions')) ?? 0
    return { shown: sessions.length, metric }
  }

  async #standBy(gateway: object, proxy: object, storefront: string, sta: string): Promise<void> {
    const own = { listen: '127.0.0.1:0', admin: '127.0.0.1:0' }
    const otherProxy = await this.house.start('proxy', { ...proxy, ...own }, 'other-proxy')
    const gatewayTo = (address: string): Promise<Running> =>
      this.house.start(
        'gateway',
        {
          ...gateway,
          ...own,
          nextHops: [{ name: 'proxy', address }],
          storefronts: [{ address: storefront }],
          stas: [{ id: 'STA01', urls: [`https://${sta}`] }],
        },
        'other-gateway',
      )
    const sameProxy = this.house.access(await gatewayTo(this.daemons.proxy.where()))
    const apart = this.house.access(await gatewayTo(otherProxy.where()))
    const rows: [string, DaemonName[], GatewayAccess, string][] = [
      ['through all three', ['gateway', 'proxy', 'vda'], this.#direct, 'echo'],
      ['to another server', ['gateway', 'proxy'], this.#direct, 'beside'],
      ['from another gateway', ['proxy', 'vda'], sameProxy, 'echo'],
      ['through another double hop', ['vda'], apart, 'echo'],
    ]
    for (const [what, needs, access, app] of rows) {
      const open = async () => Witness.inSession(access, await this.ticket(app))
      this.bystanders.push({ what, needs, open, session: await open() })
    }
  }
}

/** An `address:port` that a daemon has told. */
export function endpointOf(where: string): Endpoint {
  const [host = '', port] = where.split(':')
  return { host, port: Number(port) }
}
