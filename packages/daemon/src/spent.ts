import { fault } from '@doublehop/errors/fault'
import type { Redis } from 'ioredis'

/** Remembers what is good for one use only: grants, and `;42;` tickets whose other half could not be spent. */
export interface SpentMarks {
  /** Marks it as spent. False when it was before: of two at once one gets true. */
  spend(id: string, keepMilliseconds: number): Promise<boolean>
  isSpent(id: string): Promise<boolean>
}

/** In the memory of one process. */
export class MemorySpentMarks implements SpentMarks {
  readonly #until = new Map<string, number>()
  #swept = 0

  async spend(id: string, keepMilliseconds: number): Promise<boolean> {
    if (this.#has(id)) return false
    this.#until.set(id, performance.now() + keepMilliseconds)
    return true
  }

  async isSpent(id: string): Promise<boolean> {
    return this.#has(id)
  }

  #has(id: string): boolean {
    this.#sweep()
    return (this.#until.get(id) ?? 0) > performance.now()
  }

  /** At most once a second, so that a flood costs no more than its own marks. */
  #sweep(): void {
    const now = performance.now()
    if (now - this.#swept < 1000) return
    this.#swept = now
    for (const [id, until] of this.#until) if (until <= now) this.#until.delete(id)
  }
}

/**
 * In Redis, for processes that take each other's grants. Only digests and random names get there. What this process has
 * spent it remembers itself as well: a Redis that came back without its marks gives it no second use.
 */
export class RedisSpentMarks implements SpentMarks {
  readonly #redis: Redis
  readonly #own = new MemorySpentMarks()

  constructor(redis: Redis) {
    this.#redis = redis
  }

  async spend(id: string, keepMilliseconds: number): Promise<boolean> {
    if (await this.#own.isSpent(id)) return false
    const keep = Math.max(1, Math.ceil(keepMilliseconds))
    const isFirst = (await this.#ask(this.#redis.set(key(id), '1', 'PX', keep, 'NX'))) === 'OK'
    return isFirst && (await this.#own.spend(id, keepMilliseconds))
  }

  async isSpent(id: string): Promise<boolean> {
    if (await this.#own.isSpent(id)) return true
    return (await this.#ask(this.#redis.exists(key(id)))) === 1
  }

  async #ask<T>(reply: Promise<T>): Promise<T> {
    try {
      return await reply
    } catch (error) {
      throw fault('DH_GRANT_STORE', { why: (error as Error).message }, error)
    }
  }
}

function key(id: string): string {
  return `doublehop:spent:${id}`
}
