import { converse } from '@doublehop/daemon/conversation'
import type { Leg } from '@doublehop/daemon/leg'
import { asFault, isFault } from '@doublehop/errors/fault'
import { takeByte } from '@doublehop/wire/conversation'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { protocolOf } from '@doublehop/wire/first-byte'
import { launch } from './launch.ts'
import type { GatewayParts } from './parts.ts'

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
      log[level](
        {
          event: 'client-refused',
          code: failure.code,
          peer: formatEndpoint(client.peer),
          action: failure.action,
        },
        failure.message,
      )
      metrics.failed(failure.code)
      client.destroy()
    }
  }

  /** Clients that have finished TLS and not yet said what they speak, as /sessions shows them. */
  undecided(): object[] {
    return [...this.#undecided].map(({ peer }) => ({ peer: formatEndpoint(peer) }))
  }

  endAll(): void {
    for (const client of this.#undecided) client.destroy()
  }
}
