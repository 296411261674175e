import type { SecureContext } from 'node:tls'
import { dial } from '@doublehop/daemon/dial'
import type { Leg } from '@doublehop/daemon/leg'
import type { Logger } from '@doublehop/daemon/log'
import type { Metrics } from '@doublehop/daemon/metrics'
import type { SessionLimit } from '@doublehop/daemon/session-limit'
import { type Splice, splice } from '@doublehop/daemon/splice'
import { asFault, type Fault, fault } from '@doublehop/errors/fault'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { encodeProxyHeader } from '@doublehop/wire/proxy-protocol'

/** What carrying a client takes. */
export interface Carriage {
  readonly settings: GatewaySettings
  readonly limit: SessionLimit
  /** how the gateway shows itself to storefronts */
  readonly context: SecureContext
}

/**
 * Carries HTTP to the storefront as a stream: mutual TLS, one PROXY v2 header that tells who the client is, then the
 * client's bytes as they come. No HTTP is read in DMZ 1.
 */
export class StorefrontCarrier {
  readonly #log: Logger
  readonly #carried
  readonly #open = new Map<Splice, Leg>()

  constructor(log: Logger, metrics: Metrics) {
    this.#log = log
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

  /** Carries one client until either side is done. @throws Fault DH_STOREFRONT_UNREACHABLE, DH_LIMIT_… */
  async carry(client: Leg, { settings, limit, context }: Carriage): Promise<void> {
    limit.enter(client)
    const storefront = await dialFirst(settings, context)
    storefront.write(encodeProxyHeader(client.peer, sameFamily(client)))
    const joined = splice(client, storefront, settings.limits.httpIdle)
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
}

async function dialFirst(
  { storefronts, limits, addresses }: GatewaySettings,
  context: SecureContext,
): Promise<Leg> {
  let last: Fault | undefined
  for (const { address, serverName } of storefronts) {
    try {
      return await dial(address, {
        milliseconds: limits.dial,
        from: addresses,
        tls: { context: context, serverName: serverName ?? address.host },
      })
    } catch (error) {
      last = asFault(error)
    }
  }
  throw fault('DH_STOREFRONT_UNREACHABLE', { why: last?.message ?? 'none is configured' }, last)
}

/** Behind a load balancer the client may have come over IPv6 to our IPv4 address; the header wants one family. */
function sameFamily({ peer, local }: Leg): Endpoint {
  const isIpv6 = peer.host.includes(':')
  return isIpv6 === local.host.includes(':')
    ? local
    : { host: isIpv6 ? '::' : '0.0.0.0', port: local.port }
}
