import { openAdmin } from '@doublehop/daemon/admin'
import type { Daemon, Surroundings } from '@doublehop/daemon/daemon'
import { FailureDelay } from '@doublehop/daemon/failure-delay'
import { Generations } from '@doublehop/daemon/generations'
import { noteHandshakeFailures } from '@doublehop/daemon/handshake-failures'
import { type ListenTerms, listen } from '@doublehop/daemon/listen'
import { Sessions } from '@doublehop/daemon/session'
import { SessionLimit } from '@doublehop/daemon/session-limit'
import { MemorySpentMarks } from '@doublehop/daemon/spent'
import { secureContextOptions } from '@doublehop/daemon/tls'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import { Clients } from './clients.ts'
import { GatewayCounters } from './counters.ts'
import { HopConnections } from './hop-connections.ts'
import type { LastingParts } from './lasting-parts.ts'
import { partsFor } from './parts.ts'
import { StorefrontCarrier } from './storefront-carrier.ts'

/** Starts the gateway of the first DMZ: one TLS port for launches and for the storefront behind it. */
export async function startGateway(
  settings: GatewaySettings,
  { log, audit, metrics, zones }: Surroundings,
): Promise<Daemon<'gateway'>> {
  const books = { log, audit, metrics }
  const lasting: LastingParts = {
    ...books,
    sessions: new Sessions(books),
    limit: new SessionLimit(settings.limits),
    failures: new FailureDelay(settings.limits.failureDelay),
    spent: new MemorySpentMarks(),
    counters: new GatewayCounters(metrics),
    hopConnections: new HopConnections(),
    storefronts: new StorefrontCarrier(log, metrics),
  }
  const { sessions, limit, failures, hopConnections, storefronts } = lasting
  const parts = new Generations(partsFor(settings, lasting))
  const clients = new Clients(() => parts.now)
  const listener = await listen({
    on: settings.listen,
    ...listenTerms(settings, limit),
    onLeg: (leg, handshake) => void clients.serve(leg, handshake),
    onFailure: noteHandshakeFailures(log, metrics),
  })
  const watch = (): void => {
    parts.now.nextHops.watch()
    parts.now.stas.watch()
  }
  watch()

  let draining = false
  const view = {
    metrics,
    readiness: () => ({
      ready: !draining && parts.now.nextHops.anyUp,
      draining,
      nextHops: parts.now.nextHops.states(),
      degraded: parts.now.stas.silent(),
    }),
    connections: () => ({
      sessions,
      handshakes: listener.handshakes,
      hopConnections,
      http: storefronts,
    }),
  }
  const admin = await openAdmin(settings, view, zones)

  return {
    at: { listen: listener.at, ...admin.at },
    async reload(changed, changedZones) {
      const terms = listenTerms(changed, limit)
      const next = partsFor(changed, lasting, parts.now)
      listener.renew(terms)
      limit.limits = changed.limits
      failures.first = changed.limits.failureDelay
      admin.renew(changedZones)
      parts.replace(next, parts.now.settings.limits.launch)
      watch()
    },
    async drain() {
      draining = true
      listener.stop()
      return await sessions.drained(parts.now.settings.drainTimeout)
    },
    async close() {
      listener.stop()
      sessions.cutAll('drain')
      storefronts.endAll()
      parts.close()
      hopConnections.closeAll()
      admin.close()
    },
  }
}

/** How clients are let in. @throws Fault DH_CERTIFICATE */
function listenTerms(
  { limits, tls, proxyProtocolFrom }: GatewaySettings,
  limit: SessionLimit,
): ListenTerms {
  return {
    tls: {
      ...secureContextOptions({ ...tls, ca: tls.clientCa }),
      requestCert: tls.clientCertificates !== 'off',
      rejectUnauthorized: tls.clientCertificates === 'required',
    },
    handshakeMilliseconds: limits.tlsHandshake,
    handshakes: limits,
    keep: limits.earlyData,
    connections: limits.sessions + limits.handshakes,
    proxyProtocolFrom,
    refusal: ({ host }) => limit.refusal(host),
  }
}
