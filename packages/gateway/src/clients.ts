import { converse } from '@doublehop/daemon/conversation'
import type { Handshake } from '@doublehop/daemon/handshakes'
import type { Leg } from '@doublehop/daemon/leg'
import { asFault, type Fault, isFault } from '@doublehop/errors/fault'
import { takeByte } from '@doublehop/wire/conversation'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { protocolOf } from '@doublehop/wire/first-byte'
import { launch } from './launch.ts'
import type { GatewayParts } from './parts.ts'

/** The clients of the gateway, from the end of TLS to the moment they have said what they speak. */
export class Clients {
  readonly #parts: () => GatewayParts

  /** @param parts those at work, which a reload changes */
  constructor(parts: () => GatewayParts) {
    this.#parts = parts
  }

  /** Tells SOCKS5, CGP and HTTP apart by the first byte: a launch, or a way to the storefront. Never rejects. */
  async serve(client: Leg, handshake: Handshake): Promise<void> {
    const { settings } = this.#parts()
    try {
      const byte = await converse(client, takeByte(), {
        what: 'the first flight',
        milliseconds: settings.limits.firstFlight,
        signal: handshake.signal,
      })
      const protocol = protocolOf(byte)
      client.silence(Uint8Array.of(byte))
      // It may have waited through a reload, longer than the former parts are kept.
      const gateway = this.#parts()
      if (protocol !== 'http') return await launch(client, protocol, handshake, gateway)
      handshake.finish()
      await gateway.storefronts.carry(client, gateway)
    } catch (error) {
      refuse(client, asFault(error), this.#parts())
    } finally {
      handshake.finish()
    }
  }
}

function refuse(client: Leg, failure: Fault, { log, metrics }: GatewayParts): void {
  const { code, action, message } = failure
  const level = isFault(failure, 'DH_PEER_CLOSED') ? 'debug' : 'warn'
  log[level]({ event: 'client-refused', code, peer: formatEndpoint(client.peer), action }, message)
  metrics.failed(code)
  client.destroy()
}
