import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { FrailRedis } from '../../../test/kit/frail-redis.ts'
import { missing } from '../../../test/kit/tools.ts'
import { Authority, type AuthorityOptions } from '../src/authority.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { RedisStore } from '../src/redis-store.ts'
import type { TicketStore } from '../src/store.ts'

export const LIFETIME = 90_000
export const REFRESHABLE_LIFETIME = 600_000

/** An authority whose clock a test turns. */
export class Scene {
  readonly authority: Authority
  readonly store: TicketStore
  now = 1_700_000_000_000

  constructor(store: TicketStore, options: Partial<AuthorityOptions> = {}) {
    this.store = store
    this.authority = new Authority({
      id: 'STA01',
      ticketLifetime: LIFETIME,
      refreshableLifetime: REFRESHABLE_LIFETIME,
      maxTickets: 1000,
      store,
      clock: () => this.now,
      ...options,
    })
  }

  /** Issues a ticket, and gives its digits. */
  async issue(refreshable = false): Promise<string> {
    return (
      await this.authority.issue([{ name: 'CGPAddress', value: '10.0.0.5:2598' }], refreshable)
    ).reveal()
  }

  /** `redeemed`, or the code of the refusal. */
  redeem(hex: string): Promise<string> {
    return codeOf(this.authority.redeem(hex), 'redeemed')
  }

  /** `refreshed`, or the code of the refusal. */
  refresh(hex: string): Promise<string> {
    return codeOf(this.authority.refresh(hex), 'refreshed')
  }
}

/** Runs a test on each store: what it promises holds for both. */
export function onBothStores(
  promise: string,
  run: (t: Test, scene: (options?: Partial<AuthorityOptions>) => Scene) => Promise<void>,
): void {
  void t.test(`memory: ${promise}`, (t) =>
    run(t, (options) => new Scene(new MemoryStore(), options)),
  )
  void t.test(`Redis: ${promise}`, { skip: missing('redis-server') }, async (t) => {
    const redis = await sharedRedis()
    await run(t, (options) => new Scene(new RedisStore(redis, `STA${++scenes}`), options))
  })
}

let scenes = 0
let shared: Promise<Redis> | undefined

/** One Redis for all tests of a file; each scene has an id, and so keys, of its own. */
function sharedRedis(): Promise<Redis> {
  shared ??= startShared()
  return shared
}

async function startShared(): Promise<Redis> {
  const server = await FrailRedis.start(t)
  const client = server.client()
  t.teardown(() => client.disconnect())
  return client
}

async function codeOf(asked: Promise<unknown>, good: string): Promise<string> {
  return await asked.then(
    () => good,
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )
}
