import { openAdmin } from '@doublehop/daemon/admin'
import { admit } from '@doublehop/daemon/admit'
import { converse } from '@doublehop/daemon/conversation'
import { HandedHttp } from '@doublehop/daemon/handed-http'
import type { Leg } from '@doublehop/daemon/leg'
import type { Daemon, Surroundings } from '@doublehop/daemon/lifecycle'
import { listen, noteHandshakeFailure } from '@doublehop/daemon/listen'
import { secureContextOptions } from '@doublehop/daemon/tls'
import { asFault } from '@doublehop/errors/fault'
import type { StorefrontSettings } from '@doublehop/settings/storefront'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { acceptProxyHeader } from '@doublehop/wire/proxy-protocol'
import { StorefrontApi } from './api.ts'
import { TicketIssuer } from './ticket-issuer.ts'

/** Starts the storefront of DMZ 2. It is reached through gateways only: mutual TLS, a PROXY v2 header, then HTTP. */
export async function startStorefront(
  settings: StorefrontSettings,
  { log, metrics, zones }: Surroundings,
): Promise<Daemon> {
  const issuer = new TicketIssuer(settings, log)
  const api = new StorefrontApi(settings, issuer, log, metrics)
  const http = new HandedHttp<Endpoint | undefined>(
    {
      headersTimeout: settings.requestTimeout,
      requestTimeout: settings.requestTimeout,
      keepAliveTimeout: 30_000,
      maxHeaderSize: 16_384,
    },
    (request, response, client) => void api.answer(request, response, client),
  )

  /** The gateway says who the client is before it passes on what the client says. */
  const serve = async (leg: Leg): Promise<void> => {
    try {
      admit(leg, settings.gateways)
      const limits = { what: 'the PROXY v2 header', milliseconds: settings.requestTimeout }
      http.serve(leg, await converse(leg, acceptProxyHeader(), limits))
    } catch (error) {
      const { code, message, action } = asFault(error)
      log.warn(
        {
          event: 'gateway-refused',
          code,
          peer: formatEndpoint(leg.peer),
          peerName: leg.peer.name,
          action,
        },
        message,
      )
      metrics.failed(code)
      leg.destroy()
    }
  }
  const listener = await listen({
    on: settings.listen,
    tls: {
      ...secureContextOptions(settings.identity),
      requestCert: true,
      rejectUnauthorized: true,
    },
    handshakeMilliseconds: settings.requestTimeout,
    keep: 65_536,
    connections: settings.connections,
    onLeg: (leg) => void serve(leg),
    onFailure: noteHandshakeFailure(log, metrics),
  })

  let draining = false
  const view = {
    metrics,
    readiness: () => ({ ready: !draining, draining, degraded: issuer.silent() }),
    connections: () => ({
      sessions: [],
      handshakes: listener.handshakes,
      hopConnections: [],
      requests: api.underWay,
    }),
  }
  const admin = await openAdmin(settings, view, zones)
  return {
    at: { listen: listener.at, ...admin.at },
    async drain() {
      draining = true
      listener.stop()
      return await api.drained(settings.drainTimeout)
    },
    async close() {
      listener.close()
      http.close()
      issuer.close()
      admin.close()
    },
  }
}
