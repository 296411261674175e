import { Redis } from 'ioredis'
import type { Logger } from './log.ts'

/**
 * A Redis connection for state that several processes share. It comes back by itself; while it is away, commands fail
 * within a second instead of waiting, because a launch waits behind them.
 *
 * @param url redis:// or rediss://, with user, password and database
 */
export function openRedis(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: true,
    maxRetriesPerRequest: 1,
    commandTimeout: 1000,
    connectTimeout: 1000,
    retryStrategy: (attempt) => Math.min(attempt * 50, 1000),
  })
  redis.on('error', (error) =>
    log.warn({ event: 'redis-error', why: error.message }, `Redis: ${error.message}`),
  )
  return redis
}
