import { Authority } from '@doublehop/authority/authority'
import { MemoryStore } from '@doublehop/authority/memory-store'
import { RedisStore } from '@doublehop/authority/redis-store'
import type { TicketStore } from '@doublehop/authority/store'
import { openAdmin } from '@doublehop/daemon/admin'
import type { Daemon, Surroundings } from '@doublehop/daemon/daemon'
import { openRedis, RedisWatch } from '@doublehop/daemon/redis'
import type { Settings } from '@doublehop/settings/schema'
import { StaHttp, type StaParts } from './http.ts'
import { type StaBooks, StaService } from './service.ts'

type StaSettings = NonNullable<Settings['sta']>

/** Starts a Secure Ticket Authority: it issues tickets to storefronts and redeems them for proxies. */
export async function startSta(
  settings: StaSettings,
  surroundings: Surroundings,
): Promise<Daemon<'sta'>> {
  const { log, metrics, zones } = surroundings
  const redis =
    settings.store === 'memory'
      ? undefined
      : openRedis(settings.store.reveal('sta.store'), settings.identity, log)
  const watch = redis && new RedisWatch(redis)
  const store =
    redis === undefined ? new MemoryStore() : new RedisStore(redis, settings.authorityId)
  const requests = metrics.counter(
    'doublehop_sta_requests_total',
    'Requests answered, by type and outcome',
    ['type', 'outcome'],
  )
  const books = { ...surroundings, requests }
  let parts = partsFor(settings, store, books)
  const http = new StaHttp(() => parts, surroundings)
  await http.open()

  let draining = false
  const view = {
    metrics,
    readiness: () => ({
      ready: !draining && (watch === undefined || watch.isReady),
      draining,
      store: watch?.state ?? 'memory',
    }),
    connections: () => ({
      sessions: [],
      handshakes: http.handshakes,
      hopConnections: [],
      requests: http.connections,
    }),
  }
  const admin = await openAdmin(settings, view, zones)

  return {
    at: { ...http.at, ...admin.at },
    async reload(changed, changedZones) {
      const terms = http.secureTerms(changed)
      parts = partsFor(changed, store, books)
      http.renew(terms)
      admin.renew(changedZones)
    },
    async drain() {
      draining = true
      return await http.drain(parts.settings.drainTimeout)
    },
    async close() {
      http.close()
      admin.close()
      watch?.stop()
      await store.close()
    },
  }
}

/** What settings make of the STA; the tickets it holds are in its store. @throws Fault DH_CONFIG_SECRET */
function partsFor(settings: StaSettings, store: TicketStore, books: StaBooks): StaParts {
  const authority = new Authority({
    id: settings.authorityId,
    ticketLifetime: settings.ticketLifetime,
    refreshableLifetime: settings.refreshableLifetime,
    maxTickets: settings.maxTickets,
    store,
  })
  const serviceKey = settings.serviceKey.reveal('sta.serviceKey')
  return { settings, service: new StaService(authority, serviceKey, settings, books) }
}
