import { Redis } from 'ioredis'
import type { Logger } from './log.ts'
import { RedisConnector } from './redis-connector.ts'
import { repeat } from './repeat.ts'
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
    Connector: RedisConnector as new (options: unknown) => RedisConnector,
    ...(new URL(url).protocol === 'rediss:' && { tls: secureContextOptions(identity) }),
  })
  redis.on('error', (error) =>
    log.warn({ event: 'redis-error', why: error.message }, `Redis: ${error.message}`),
  )
  return redis
}

/** How often a Redis is asked whether it answers: /readyz must notice within 2 s. */
const LOOK_EVERY_MILLISECONDS = 500

/** Whether a Redis answers. That the connection to it stands says little: one that hangs keeps it. */
export class RedisWatch {
  readonly #redis: Redis
  readonly #looking
  #answers = true

  constructor(redis: Redis) {
    this.#redis = redis
    this.#looking = repeat(LOOK_EVERY_MILLISECONDS, () => this.#look())
  }

  get isReady(): boolean {
    return this.state === 'ready'
  }

  /** `ready`, `silent` when it does not answer, or what ioredis calls the connection on its way. */
  get state(): string {
    const { status } = this.#redis
    return status === 'ready' && !this.#answers ? 'silent' : status
  }

  stop(): void {
    this.#looking.stop()
  }

  /** With what every user of ours may ask (docs/security.md). */
  async #look(): Promise<void> {
    if (this.#redis.status !== 'ready') return
    this.#answers = await this.#redis.info('server').then(
      () => true,
      // It may refuse, which is an answer.
      (error: Error) => error.name === 'ReplyError',
    )
  }
}
