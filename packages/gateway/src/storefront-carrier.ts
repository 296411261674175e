import { dial } from '@doublehop/daemon/dial'
import type { Leg } from '@doublehop/daemon/leg'
import type { Logger } from '@doublehop/daemon/log'
import type { Metrics } from '@doublehop/daemon/metrics'
import { type Splice, splice } from '@doublehop/daemon/splice'
import { dialContext } from '@doublehop/daemon/tls'
import { asFault, type Fault, fault } from '@doublehop/errors/fault'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { encodeProxyHeader } from '@doublehop/wire/proxy-protocol'

/**
 * Carries HTTP to the storefront as a stream: mutual TLS, one PROXY v2 header that tells who the client is, then the
 * client's bytes as they come. No HTTP is read in DMZ 1.
 */
export class StorefrontCarrier {
  readonly #settings: GatewaySettings
  readonly #log: Logger
  readonly #carried
  readonly #context
  readonly #open = new Map<Splice, Leg>()

  constructor(settings: GatewaySettings, log: Logger, metrics: Metrics) {
    this.#settings = settings
    this.#log = log
    this.#context = dialContext(settings.identity)
    this.#carried = metrics.counter(
      'doublehop_http_connections_total',
      'HTTP connections carried to a storefront, by how they ended',
      ['reason'],
    )
    metrics.gauge(
      'doublehop_http_connections',
      'HTTP connections that are carried at this moment',
      () => this.#open.size,
    )
  }

  /** Carries one client until either side is done. @throws Fault DH_STOREFRONT_UNREACHABLE */
  async carry(client: Leg): Promise<void> {
    const storefront = await this.#dialFirst()
    storefront.write(encodeProxyHeader(client.peer, sameFamily(client)))
    const joined = splice(client, storefront, this.#settings.limits.idle)
    this.#open.set(joined, client)
    const { reason, up, down } = await joined.done
    this.#open.delete(joined)
    this.#carried.inc({ reason })
    const peer = formatEndpoint(client.peer)
    this.#log.info(
      { event: 'http-closed', peer, reason, bytesUp: up, bytesDown: down },
      `HTTP closed: ${reason}, ${up} bytes up, ${down} down`,
    )
  }

  endAll(): void {
    for (const joined of this.#open.keys()) joined.cut('drain')
  }

  /** As /sessions shows them. */
  toJSON(): object[] {
    return [...this.#open.values()].map((client) => ({
      peer: formatEndpoint(client.peer),
      bytesUp: client.received,
      bytesDown: client.sent,
    }))
  }

  async #dialFirst(): Promise<Leg> {
    const { storefronts, limits, addresses } = this.#settings
    let last: Fault | undefined
    for (const { address, serverName } of storefronts) {
      try {
        return await dial(address, {
          milliseconds: limits.dial,
          from: addresses,
          tls: { context: this.#context, serverName: serverName ?? address.host },
        })
      } catch (error) {
        last = asFault(error)
      }
    }
    throw fault('DH_STOREFRONT_UNREACHABLE', { why: last?.message ?? 'none is configured' }, last)
  }
}

/** Behind a load balancer the client may have come over IPv6 to our IPv4 address; the header wants one family. */
function sameFamily({ peer, local }: Leg): Endpoint {
  const isIpv6 = peer.host.includes(':')
  return isIpv6 === local.host.includes(':')
    ? local
    : { host: isIpv6 ? '::' : '0.0.0.0', port: local.port }
}
