import { openAdmin } from '@doublehop/daemon/admin'
import type { Daemon, Surroundings } from '@doublehop/daemon/lifecycle'
import { listen, noteHandshakeFailure } from '@doublehop/daemon/listen'
import { openRedis } from '@doublehop/daemon/redis'
import { Sessions } from '@doublehop/daemon/session'
import { MemorySpentMarks, RedisSpentMarks } from '@doublehop/daemon/spent'
import { secureContextOptions } from '@doublehop/daemon/tls'
import type { ProxySettings } from '@doublehop/settings/proxy'
import { Destinations } from './destinations.ts'
import { Grants } from './grants.ts'
import { Hops } from './hops.ts'
import { StaRelay } from './relay.ts'
import { Stas } from './stas.ts'

/** Starts the proxy of the second DMZ: SOCKS5 for gateways, the relay to the STAs, and the dial to the servers. */
export async function startProxy(
  settings: ProxySettings,
  { log, metrics, zones }: Surroundings,
): Promise<Daemon> {
  const { limits, grants: grantSettings, identity } = settings
  const redis =
    grantSettings.store === 'memory'
      ? undefined
      : openRedis(grantSettings.store.reveal('proxy.grants.store'), identity, log)
  const spent = redis === undefined ? new MemorySpentMarks() : new RedisSpentMarks(redis)
  const sessions = new Sessions(log, metrics)
  const stas = new Stas(settings, spent, log, metrics)
  const destinations = new Destinations(settings)
  const grants = new Grants(settings, spent, redis !== undefined)
  const relay = new StaRelay({ settings, stas, grants, log, metrics })
  const hops = new Hops({ settings, sessions, stas, destinations, grants, relay, log, metrics })

  if (settings.secure === 'off')
    log.warn({ event: 'insecure' }, 'secure: off: gateways reach this proxy without TLS')
  const listener = await listen({
    on: settings.listen,
    ...(settings.secure === 'on' && {
      tls: { ...secureContextOptions(identity), requestCert: true, rejectUnauthorized: true },
    }),
    handshakeMilliseconds: limits.tlsHandshake,
    keep: limits.earlyData,
    connections: limits.sessions + 4096,
    onLeg: (leg) => void hops.serve(leg),
    onFailure: noteHandshakeFailure(log, metrics),
  })

  let draining = false
  const view = {
    metrics,
    readiness: () => ({ ready: !draining, draining, ...(redis && { store: redis.status }) }),
    connections: () => ({ sessions, handshakes: listener.handshakes, hopConnections: hops }),
  }
  const admin = await openAdmin(settings, view, zones)
  const at = { listen: listener.at, ...admin.at }
  destinations.protect(Object.values(at))

  return {
    at,
    async drain() {
      draining = true
      listener.stop()
      hops.endIdle()
      return await sessions.drained(settings.drainTimeout)
    },
    async close() {
      listener.close()
      sessions.cutAll('drain')
      hops.endAll()
      relay.close()
      stas.close()
      admin.close()
      redis?.disconnect()
    },
  }
}
