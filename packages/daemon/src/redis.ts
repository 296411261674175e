import { Redis } from 'ioredis'
import type { Logger } from './log.ts'
import { type CertificateFiles, secureContextOptions } from './tls.ts'

/**
 * A Redis connection for state that several processes share. It comes back by itself; while it is away, commands fail
 * within a second instead of waiting, because a launch waits behind them.
 *
 * @param url redis:// or rediss://, with user, password and database
 * @param identity how this daemon shows itself to a Redis behind TLS, and whom it trusts there
 * @throws Fault DH_CERTIFICATE
 */
export function openRedis(url: string, identity: CertificateFiles, log: Logger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: true,
    maxRetriesPerRequest: 1,
    commandTimeout: 1000,
    connectTimeout: 1000,
    retryStrategy: (attempt) => Math.min(attempt * 50, 1000),
    ...(new URL(url).protocol === 'rediss:' && { tls: secureContextOptions(identity) }),
  })
  redis.on('error', (error) =>
    log.warn({ event: 'redis-error', why: error.message }, `Redis: ${error.message}`),
  )
  return redis
}
