import { converse } from '@doublehop/daemon/conversation'
import type { Leg } from '@doublehop/daemon/leg'
import type { Logger } from '@doublehop/daemon/log'
import type { Metrics } from '@doublehop/daemon/metrics'
import type { Sessions } from '@doublehop/daemon/session'
import { asFault, isFault } from '@doublehop/errors/fault'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import { takeByte } from '@doublehop/wire/conversation'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { protocolOf } from '@doublehop/wire/first-byte'
import type { GatewayCounters } from './counters.ts'
import { launch } from './launch.ts'
import type { NextHops } from './next-hops.ts'
import type { Stas } from './stas.ts'
import type { StorefrontCarrier } from './storefront-carrier.ts'

/** All that a client's connection may need. */
export interface GatewayParts {
  readonly settings: GatewaySettings
  readonly sessions: Sessions
  readonly nextHops: NextHops
  readonly stas: Stas
  readonly storefronts: StorefrontCarrier
  readonly counters: GatewayCounters
  readonly log: Logger
  readonly metrics: Metrics
}

/** The clients of the gateway, from the end of TLS to the moment they have said what they speak. */
export class Clients {
  readonly #parts: GatewayParts
  readonly #undecided = new Set<Leg>()

  constructor(parts: GatewayParts) {
    this.#parts = parts
  }

  /** Tells SOCKS5, CGP and HTTP apart by the first byte: a launch, or a way to the storefront. Never rejects. */
  async serve(client: Leg): Promise<void> {
    const { settings, storefronts, log, metrics } = this.#parts
    this.#undecided.add(client)
    try {
      const firstFlight = { what: 'the first flight', milliseconds: settings.limits.firstFlight }
      const byte = await converse(client, takeByte(), firstFlight)
      const protocol = protocolOf(byte)
      client.silence(Uint8Array.of(byte))
      this.#undecided.delete(client)
      if (protocol === 'http') await storefronts.carry(client)
      else await launch(client, protocol, this.#parts)
    } catch (error) {
      this.#undecided.delete(client)
      const failure = asFault(error)
      const level = isFault(failure, 'DH_PEER_CLOSED') ? 'debug' : 'warn'
      log[level]({ event: 'client-refused', code: failure.code, peer: formatEndpoint(client.peer), action: failure.action }, failure.message)
      metrics.failed(failure.code)
      client.destroy()
    }
  }

  endAll(): void {
    for (const client of this.#undecided) client.destroy()
  }
}
