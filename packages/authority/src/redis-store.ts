import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { fault } from '@doublehop/errors/fault'
import type { TicketData } from '@doublehop/wire/sta-messages'
import type { Redis } from 'ioredis'
import type { Redemption, TicketRecord, TicketStore } from './store.ts'

/**
 * Tickets in Redis, for STAs that share an id. Redis never sees a ticket: keys are SHA-256 of it, data is encrypted
 * (AES-256-GCM) with a key derived from it (HKDF).
 *
 * A value is `used`, or `EXPIRY REFRESHABLE CIPHERTEXT`. A sorted set of live tickets by expiry counts them.
 */
export class RedisStore implements TicketStore {
  readonly #redis: Redis
  readonly #prefix: string

  /** @param sta the id that the STAs share; other ids in the same Redis stay apart */
  constructor(redis: Redis, sta: string) {
    this.#redis = redis
    this.#prefix = `doublehop:sta:${sta}:`
  }

  async put(
    ticket: string,
    record: TicketRecord,
    lifetime: number,
    limit: number,
    now: number,
  ): Promise<boolean> {
    const value = [record.expiresAt, record.refreshable ? 1 : 0, seal(ticket, record.data)].join(
      ' ',
    )
    const keep = record.expiresAt - now + lifetime
    const added = await this.#eval(
      PUT,
      [this.#key(ticket), this.#liveKey],
      [value, keep, now, record.expiresAt, limit],
    )
    return added === 1
  }

  async redeem(ticket: string, now: number): Promise<Redemption> {
    const key = this.#key(ticket)
    const seen = open(ticket, await this.#ask(this.#redis.get(key)), now)
    if (seen.outcome !== 'redeemed') return seen
    // The swap decides: whoever gets the record back has redeemed it, everybody after gets the marker.
    const swapped = await this.#ask(this.#redis.set(key, 'used', 'KEEPTTL', 'XX', 'GET'))
    await this.#ask(this.#redis.zrem(this.#liveKey, key))
    return open(ticket, swapped, now)
  }

  async refresh(ticket: string, expiresAt: number, lifetime: number, now: number) {
    const keep = expiresAt - now + lifetime
    const outcome = await this.#eval(
      REFRESH,
      [this.#key(ticket), this.#liveKey],
      [now, expiresAt, keep],
    )
    return outcome as 'refreshed' | 'used' | 'expired' | 'unknown'
  }

  async live(now: number): Promise<number> {
    return await this.#ask(this.#redis.zcount(this.#liveKey, `(${now}`, '+inf'))
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }

  #key(ticket: string): string {
    return this.#prefix + createHash('sha256').update(ticket).digest('hex')
  }

  get #liveKey(): string {
    return `${this.#prefix}live`
  }

  #eval(
    script: string,
    keys: readonly string[],
    values: readonly (string | number)[],
  ): Promise<unknown> {
    return this.#ask(this.#redis.eval(script, keys.length, ...keys, ...values))
  }

  async #ask<T>(reply: Promise<T>): Promise<T> {
    try {
      return await reply
    } catch (error) {
      throw fault('DH_STA_STORE', { why: (error as Error).message }, error)
    }
  }
}

const PUT = `
redis.call('zremrangebyscore', KEYS[2], '-inf', ARGV[3])
if redis.call('zcard', KEYS[2]) >= tonumber(ARGV[5]) then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('zadd', KEYS[2], ARGV[4], KEYS[1])
return 1`

const REFRESH = `
local value = redis.call('get', KEYS[1])
if not value then return 'unknown' end
if value == 'used' then return 'used' end
local expires, refreshable, sealed = string.match(value, '^(%d+) ([01]) (.*)$')
if tonumber(ARGV[1]) >= tonumber(expires) then return 'expired' end
if refreshable ~= '1' then return 'unknown' end
redis.call('set', KEYS[1], ARGV[2] .. ' 1 ' .. sealed, 'PX', ARGV[3])
redis.call('zadd', KEYS[2], ARGV[2], KEYS[1])
return 'refreshed'`

/** What a value from Redis means for a redemption now. */
function open(ticket: string, value: string | null, now: number): Redemption {
  if (value === null) return { outcome: 'unknown' }
  if (value === 'used') return { outcome: 'used' }
  const [expiry = '', refreshable = '', sealed = ''] = value.split(' ')
  const expiresAt = Number(expiry)
  if (now >= expiresAt) return { outcome: 'expired' }
  const data = unseal(ticket, sealed)
  return { outcome: 'redeemed', record: { data, refreshable: refreshable === '1', expiresAt } }
}

function seal(ticket: string, data: TicketData): string {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keyOf(ticket), iv)
  return Buffer.concat([
    iv,
    cipher.update(JSON.stringify(data)),
    cipher.final(),
    cipher.getAuthTag(),
  ]).toString('base64')
}

function unseal(ticket: string, sealed: string): TicketData {
  try {
    const bytes = Buffer.from(sealed, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', keyOf(ticket), bytes.subarray(0, 12))
    decipher.setAuthTag(bytes.subarray(-16))
    return JSON.parse(
      Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString(),
    )
  } catch (error) {
    throw fault('DH_STA_STORE', { why: 'it holds data that was not written by an STA' }, error)
  }
}

function keyOf(ticket: string): Buffer {
  return Buffer.from(hkdfSync('sha256', ticket, '', 'doublehop ticket data', 32))
}
