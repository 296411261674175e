import { openAdmin } from '@doublehop/daemon/admin'
import type { Daemon, Surroundings } from '@doublehop/daemon/daemon'
import { FailureDelay } from '@doublehop/daemon/failure-delay'
import { Generations } from '@doublehop/daemon/generations'
import { HandedHttp } from '@doublehop/daemon/handed-http'
import { noteHandshakeFailures } from '@doublehop/daemon/handshake-failures'
import { type ListenTerms, listen } from '@doublehop/daemon/listen'
import { SessionLimit } from '@doublehop/daemon/session-limit'
import { secureContextOptions } from '@doublehop/daemon/tls'
import type { StorefrontSettings } from '@doublehop/settings/storefront'
import { type Caller, StorefrontApi } from './api.ts'
import { GatewayConnections } from './gateway-connections.ts'
import { partsFor } from './parts.ts'

/** Starts the storefront of DMZ 2. It is reached through gateways only: mutual TLS, a PROXY v2 header, then HTTP. */
export async function startStorefront(
  settings: StorefrontSettings,
  surroundings: Surroundings,
): Promise<Daemon<'storefront'>> {
  const { log, metrics, zones } = surroundings
  const parts = new Generations(partsFor(settings, log))
  const limit = new SessionLimit(settings.limits)
  const failures = new FailureDelay(settings.limits.failureDelay)
  const api = new StorefrontApi(() => parts.now, failures, surroundings)
  const onFailure = noteHandshakeFailures(log, metrics)
  const http = new HandedHttp<Caller>(
    { requestMilliseconds: settings.limits.request, headBytes: 16_384 },
    (request, response, caller) => void api.answer(request, response, caller),
    (failure, { leg, client }) => onFailure(failure, client ?? leg.peer),
  )
  const connections = new GatewayConnections(() => parts.now.settings, limit, http, surroundings)
  const listener = await listen({
    on: settings.listen,
    ...listenTerms(settings, limit),
    onLeg: (leg, handshake) => void connections.serve(leg, handshake),
    onFailure,
  })

  let draining = false
  const view = {
    metrics,
    readiness: () => ({ ready: !draining, draining, degraded: parts.now.issuer.silent() }),
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
    async reload(changed, changedZones) {
      const terms = listenTerms(changed, limit)
      const next = partsFor(changed, log)
      listener.renew(terms)
      limit.limits = changed.limits
      failures.first = changed.limits.failureDelay
      http.renew(changed.limits.request)
      admin.renew(changedZones)
      parts.replace(next, parts.now.settings.limits.request)
    },
    async drain() {
      draining = true
      listener.stop()
      return await api.drained(parts.now.settings.drainTimeout)
    },
    async close() {
      listener.stop()
      http.close()
      parts.close()
      admin.close()
    },
  }
}

/** How gateways are let in. @throws Fault DH_CERTIFICATE */
function listenTerms({ identity, limits }: StorefrontSettings, limit: SessionLimit): ListenTerms {
  return {
    tls: { ...secureContextOptions(identity), requestCert: true, rejectUnauthorized: true },
    handshakeMilliseconds: limits.tlsHandshake,
    handshakes: limits,
    keep: 65_536,
    connections: limits.sessions + limits.handshakes,
    // Whose connection it is the gateway tells only behind TLS.
    refusal: () => limit.refusal(),
  }
}
