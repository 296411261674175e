import { admit } from '@doublehop/daemon/admit'
import { converse } from '@doublehop/daemon/conversation'
import type { Surroundings } from '@doublehop/daemon/daemon'
import type { HandedHttp } from '@doublehop/daemon/handed-http'
import type { Handshake } from '@doublehop/daemon/handshakes'
import type { Leg } from '@doublehop/daemon/leg'
import type { SessionLimit } from '@doublehop/daemon/session-limit'
import { asFault } from '@doublehop/errors/fault'
import type { StorefrontSettings } from '@doublehop/settings/storefront'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { acceptProxyHeader } from '@doublehop/wire/proxy-protocol'
import type { Caller } from './api.ts'

/** Connections of gateways, each of which carries one client: who it is, then what it asks. */
export class GatewayConnections {
  readonly #settings: () => StorefrontSettings
  readonly #limit: SessionLimit
  readonly #http: HandedHttp<Caller>
  readonly #surroundings: Surroundings

  constructor(
    settings: () => StorefrontSettings,
    limit: SessionLimit,
    http: HandedHttp<Caller>,
    surroundings: Surroundings,
  ) {
    this.#settings = settings
    this.#limit = limit
    this.#http = http
    this.#surroundings = surroundings
  }

  /** The gateway says who the client is before it passes on what the client says. Never rejects. */
  async serve(leg: Leg, handshake: Handshake): Promise<void> {
    const { gateways, limits } = this.#settings()
    try {
      admit(leg, gateways)
      const client = await converse(leg, acceptProxyHeader(), {
        what: 'the PROXY v2 header',
        milliseconds: limits.tlsHandshake,
        since: handshake.began,
        signal: handshake.signal,
      })
      this.#limit.enter(leg, client?.host)
      this.#http.serve(leg, { leg, client })
    } catch (error) {
      this.#refuse(leg, error)
    } finally {
      handshake.finish()
    }
  }

  #refuse(leg: Leg, error: unknown): void {
    const { log, metrics } = this.#surroundings
    const { code, message, action } = asFault(error)
    const peer = formatEndpoint(leg.peer)
    log.warn({ event: 'gateway-refused', code, peer, peerName: leg.peer.name, action }, message)
    metrics.failed(code)
    leg.destroy()
  }
}
