import { Authority } from '@doublehop/authority/authority'
import { MemoryStore } from '@doublehop/authority/memory-store'
import { RedisStore } from '@doublehop/authority/redis-store'
import { openAdmin } from '@doublehop/daemon/admin'
import type { Daemon, Surroundings } from '@doublehop/daemon/lifecycle'
import { openRedis } from '@doublehop/daemon/redis'
import type { Settings } from '@doublehop/settings/schema'
import { startHttp } from './http.ts'
import { StaService } from './service.ts'

type StaSettings = NonNullable<Settings['sta']>

/** Starts a Secure Ticket Authority: it issues tickets to storefronts and redeems them for proxies. */
export async function startSta(
  settings: StaSettings,
  { log, metrics, zones }: Surroundings,
): Promise<Daemon> {
  const redis =
    settings.store === 'memory'
      ? undefined
      : openRedis(settings.store.reveal('sta.store'), settings.identity, log)
  const store =
    redis === undefined ? new MemoryStore() : new RedisStore(redis, settings.authorityId)
  const authority = new Authority({
    id: settings.authorityId,
    ticketLifetime: settings.ticketLifetime,
    refreshableLifetime: settings.refreshableLifetime,
    maxTickets: settings.maxTickets,
    store,
  })
  const service = new StaService(
    authority,
    settings.serviceKey.reveal('sta.serviceKey'),
    settings,
    log,
    metrics,
  )
  const http = await startHttp(settings, service, log)

  let draining = false
  const view = {
    metrics,
    readiness: () => ({
      ready: !draining && (redis === undefined || redis.status === 'ready'),
      draining,
      store: redis?.status ?? 'memory',
    }),
    connections: () => ({
      sessions: [],
      handshakes: [],
      hopConnections: [],
      requests: http.connections(),
    }),
  }
  const admin = await openAdmin(settings, view, zones)

  return {
    at: { ...http.at, ...admin.at },
    async drain() {
      draining = true
      return await http.drain(settings.drainTimeout)
    },
    async close() {
      http.close()
      admin.close()
      await store.close()
    },
  }
}
