import { createServer, type Server } from 'node:http'
import { startAdmin, startMetrics } from '@doublehop/daemon/admin'
import { converse } from '@doublehop/daemon/conversation'
import type { Leg } from '@doublehop/daemon/leg'
import type { Daemon, Surroundings } from '@doublehop/daemon/lifecycle'
import { listen } from '@doublehop/daemon/listen'
import { secureContextOptions } from '@doublehop/daemon/tls'
import { asFault, fault } from '@doublehop/errors/fault'
import type { StorefrontSettings } from '@doublehop/settings/storefront'
import { inNetworks } from '@doublehop/settings/values'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { acceptProxyHeader } from '@doublehop/wire/proxy-protocol'
import { StorefrontApi } from './api.ts'
import { TicketIssuer } from './ticket-issuer.ts'

/** Starts the storefront of DMZ 2. It is reached through gateways only: mutual TLS, a PROXY v2 header, then HTTP. */
export async function startStorefront(settings: StorefrontSettings, { log, metrics, zones }: Surroundings): Promise<Daemon> {
  const issuer = new TicketIssuer(settings, log)
  const api = new StorefrontApi(settings, issuer, log, metrics)
  const clients = new WeakMap<object, Endpoint>()
  const http = createServer(
    {
      headersTimeout: settings.requestTimeout,
      requestTimeout: settings.requestTimeout,
      keepAliveTimeout: 30_000,
      maxHeaderSize: 16_384,
    },
    (request, response) => void api.answer(request, response, clients.get(request.socket)),
  )

  /** The gateway says who the client is before it passes on what the client says. */
  const serve = async (leg: Leg): Promise<void> => {
    try {
      admitGateway(leg, settings)
      const limits = { what: 'the PROXY v2 header', milliseconds: settings.requestTimeout }
      const client = await converse(leg, acceptProxyHeader(), limits)
      const socket = leg.handOver()
      if (client !== undefined) clients.set(socket, client)
      http.emit('connection', socket)
    } catch (error) {
      const { code, message, action } = asFault(error)
      log.warn({ event: 'gateway-refused', code, peer: formatEndpoint(leg.peer), peerName: leg.peer.name, action }, message)
      metrics.failed(code)
      leg.destroy()
    }
  }
  const listener = await listen({
    on: settings.listen,
    tls: { ...secureContextOptions(settings.identity), requestCert: true, rejectUnauthorized: true },
    handshakeMilliseconds: settings.requestTimeout,
    keep: 65_536,
    connections: settings.connections,
    onLeg: (leg) => void serve(leg),
    onFailure: (failure, peer) => {
      metrics.failed(failure.code)
      log.info({ event: 'handshake-failed', code: failure.code, peer: peer.host }, failure.message)
    },
  })

  let draining = false
  const view = {
    metrics,
    readiness: () => ({ ready: !draining, draining, degraded: issuer.silent() }),
    connections: () => ({ sessions: [], handshakes: listener.handshakes, hopConnections: [], requests: api.underWay }),
  }
  const admin = settings.admin && (await startAdmin(settings.admin, view))
  const scrape = settings.metrics && (await startMetrics(settings.metrics.listen, metrics, zones.management ?? []))
  return {
    at: { listen: listener.at, ...(admin && { admin: admin.at }), ...(scrape && { metrics: scrape.at }) },
    async drain() {
      draining = true
      listener.stop()
      return await api.drained(settings.drainTimeout)
    },
    async close() {
      listener.stop()
      endAll(http)
      issuer.close()
      admin?.close()
      scrape?.close()
    },
  }
}

/** @throws Fault DH_PEER_NOT_LISTED */
function admitGateway({ peer }: Leg, { gateways }: StorefrontSettings): void {
  const known = gateways.names.length === 0 || (peer.name !== undefined && gateways.names.includes(peer.name))
  const near = gateways.networks.length === 0 || inNetworks(gateways.networks, peer.host)
  if (known && near && gateways.names.length + gateways.networks.length > 0) return
  throw fault('DH_PEER_NOT_LISTED', { peer: `${peer.name ?? 'no certificate'} at ${peer.host}` })
}

function endAll(http: Server): void {
  http.closeAllConnections()
}
