import { randomBytes } from 'node:crypto'
import { openAdmin } from '@doublehop/daemon/admin'
import type { Daemon, Surroundings } from '@doublehop/daemon/daemon'
import { FailureDelay } from '@doublehop/daemon/failure-delay'
import { Generations } from '@doublehop/daemon/generations'
import { noteHandshakeFailures } from '@doublehop/daemon/handshake-failures'
import { type ListenTerms, listen } from '@doublehop/daemon/listen'
import { openRedis, RedisWatch } from '@doublehop/daemon/redis'
import { Sessions } from '@doublehop/daemon/session'
import { SessionLimit } from '@doublehop/daemon/session-limit'
import { MemorySpentMarks, RedisSpentMarks } from '@doublehop/daemon/spent'
import { secureContextOptions } from '@doublehop/daemon/tls'
import type { ProxySettings } from '@doublehop/settings/proxy'
import { StaCounters } from '@doublehop/sta-client/counters'
import { Hops } from './hops.ts'
import type { LastingParts } from './lasting-parts.ts'
import { type ProxyParts, partsFor } from './parts.ts'
import { StaRelay } from './relay.ts'

/** Starts the proxy of the second DMZ: SOCKS5 for gateways, the relay to the STAs, and the dial to the servers. */
export async function startProxy(
  settings: ProxySettings,
  { log, audit, metrics, zones }: Surroundings,
): Promise<Daemon<'proxy'>> {
  const { store } = settings.grants
  const redis =
    store === 'memory'
      ? undefined
      : openRedis(store.reveal('proxy.grants.store'), settings.identity, log)
  const books = { log, audit, metrics }
  const lasting: LastingParts = {
    ...books,
    sessions: new Sessions(books),
    limit: new SessionLimit(settings.limits),
    failures: new FailureDelay(settings.limits.failureDelay),
    spent: redis === undefined ? new MemorySpentMarks() : new RedisSpentMarks(redis),
    // Spent grants in memory are forgotten at a restart, so a grant must not outlive the process that minted it.
    instance: redis === undefined ? randomBytes(16).toString('hex') : '',
    counters: new StaCounters(metrics),
  }
  const { sessions, limit, failures } = lasting
  const parts = new Generations<ProxyParts>(partsFor(settings, lasting))
  const relay = new StaRelay(() => parts.now)
  const hops = new Hops(() => parts.now, relay)

  const listener = await listen({
    on: settings.listen,
    ...listenTerms(settings, limit),
    onLeg(leg, handshake) {
      handshake.finish()
      void hops.serve(leg)
    },
    onFailure: noteHandshakeFailures(log, metrics),
  })

  let draining = false
  const watch = redis && new RedisWatch(redis)
  const view = {
    metrics,
    // Without the store of spent grants no launch gets through.
    readiness: () => ({
      ready: !draining && (watch === undefined || watch.isReady),
      draining,
      ...(watch && { store: watch.state }),
    }),
    connections: () => ({ sessions, handshakes: listener.handshakes, hopConnections: hops }),
  }
  const admin = await openAdmin(settings, view, zones)
  const at = { listen: listener.at, ...admin.at }
  const begin = (): void => {
    parts.now.destinations.protect(Object.values(at))
    if (settings.secure === 'off')
      log.warn({ event: 'insecure' }, 'secure: off: gateways reach this proxy without TLS')
  }
  begin()

  return {
    at,
    async reload(changed, changedZones) {
      const terms = listenTerms(changed, limit)
      const next = partsFor(changed, lasting)
      listener.renew(terms)
      limit.limits = changed.limits
      failures.first = changed.limits.failureDelay
      admin.renew(changedZones)
      parts.replace(next, parts.now.settings.limits.launch)
      relay.renew()
      begin()
    },
    async drain() {
      draining = true
      listener.stop()
      hops.endIdle()
      relay.drain()
      return await sessions.drained(parts.now.settings.drainTimeout)
    },
    async close() {
      listener.stop()
      sessions.cutAll('drain')
      hops.endAll()
      relay.close()
      parts.close()
      admin.close()
      watch?.stop()
      redis?.disconnect()
    },
  }
}

/** How gateways are let in. @throws Fault DH_CERTIFICATE */
function listenTerms(
  { limits, identity, secure }: ProxySettings,
  limit: SessionLimit,
): ListenTerms {
  return {
    ...(secure === 'on' && {
      tls: { ...secureContextOptions(identity), requestCert: true, rejectUnauthorized: true },
    }),
    handshakeMilliseconds: limits.tlsHandshake,
    handshakes: limits,
    keep: limits.earlyData,
    connections: limits.sessions + limits.handshakes,
    refusal: ({ host }) => limit.refusal(host),
  }
}
