import { openAdmin } from '@doublehop/daemon/admin'
import type { Daemon, Surroundings } from '@doublehop/daemon/lifecycle'
import { listen, noteHandshakeFailure } from '@doublehop/daemon/listen'
import { Sessions } from '@doublehop/daemon/session'
import { secureContextOptions } from '@doublehop/daemon/tls'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import { Clients } from './clients.ts'
import { GatewayCounters } from './counters.ts'
import { NextHops } from './next-hops.ts'
import { Stas } from './stas.ts'
import { StorefrontCarrier } from './storefront-carrier.ts'

/** Starts the gateway of the first DMZ: one TLS port for launches and for the storefront behind it. */
export async function startGateway(
  settings: GatewaySettings,
  { log, metrics, zones }: Surroundings,
): Promise<Daemon> {
  const { limits, tls } = settings
  const counters = new GatewayCounters(metrics)
  const sessions = new Sessions(log, metrics)
  const nextHops = new NextHops(settings, counters, log)
  const stas = new Stas(settings, nextHops, counters, log)
  const storefronts = new StorefrontCarrier(settings, log, metrics)
  const clients = new Clients({
    settings,
    sessions,
    nextHops,
    stas,
    storefronts,
    counters,
    log,
    metrics,
  })

  const listener = await listen({
    on: settings.listen,
    tls: {
      ...secureContextOptions({ ...tls, ca: tls.clientCa }),
      requestCert: tls.clientCertificates !== 'off',
      rejectUnauthorized: tls.clientCertificates === 'required',
    },
    handshakeMilliseconds: limits.tlsHandshake,
    keep: limits.earlyData,
    connections: limits.sessions + 4096,
    proxyProtocolFrom: settings.proxyProtocolFrom,
    onLeg: (leg) => void clients.serve(leg),
    onFailure: noteHandshakeFailure(log, metrics),
  })
  nextHops.watch()
  stas.watch()

  let draining = false
  const view = {
    metrics,
    readiness: () => ({
      ready: !draining && nextHops.anyUp,
      draining,
      nextHops: nextHops.states(),
      degraded: stas.silent(),
    }),
    connections: () => ({
      sessions,
      handshakes: [...listener.handshakes, ...clients.undecided()],
      hopConnections: nextHops,
      http: storefronts,
    }),
  }
  const admin = await openAdmin(settings, view, zones)

  return {
    at: { listen: listener.at, ...admin.at },
    async drain() {
      draining = true
      listener.stop()
      return await sessions.drained(settings.drainTimeout)
    },
    async close() {
      listener.close()
      sessions.cutAll('drain')
      clients.endAll()
      storefronts.endAll()
      stas.close()
      nextHops.close()
      admin.close()
    },
  }
}
