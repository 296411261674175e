import type { Logger } from '@doublehop/daemon/log'
import { type Repeated, repeat } from '@doublehop/daemon/repeat'
import { dialContext } from '@doublehop/daemon/tls'
import { type Fault, fault, isFault } from '@doublehop/errors/fault'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import type { GatewayCounters } from './counters.ts'
import { NextHop } from './next-hop.ts'

/** How often each hop is probed: /readyz must notice within 2 s. */
const PROBE_EVERY_MILLISECONDS = 500

/** The next hops in order of preference. Those that are known to be down are tried last. */
export class NextHops {
  readonly #hops: readonly NextHop[]
  readonly #log: Logger
  #probing: Repeated | undefined
  #closed = false

  constructor(settings: GatewaySettings, counters: GatewayCounters, log: Logger) {
    const context = dialContext(settings.identity)
    this.#hops = settings.nextHops.map((hop) => new NextHop(hop, settings, context, counters))
    this.#log = log
    for (const { name, secure } of settings.nextHops) {
      if (secure === 'off')
        log.warn(
          { event: 'insecure', hop: name },
          `next hop ${name} is reached without TLS (secure: off)`,
        )
    }
  }

  get all(): readonly NextHop[] {
    return this.#hops
  }

  get anyUp(): boolean {
    return this.#hops.some(({ up }) => up)
  }

  /** Which hop is up, by name. */
  states(): Record<string, 'up' | 'down'> {
    return Object.fromEntries(this.#hops.map(({ name, up }) => [name, up ? 'up' : 'down']))
  }

  /**
   * Does something through the first hop that can be reached.
   *
   * @throws Fault DH_HOP_NONE, or what `attempt` threw other than that its hop, or what lies behind, is out of reach
   */
  async firstReachable<T>(attempt: (hop: NextHop) => Promise<T>): Promise<T> {
    let last: Fault | undefined
    for (const hop of this.#inOrder()) {
      try {
        const result = await attempt(hop)
        this.#mark(hop, true)
        return result
      } catch (error) {
        if (!isFault(error, 'DH_HOP_UNREACHABLE', 'DH_PEER_CLOSED', 'DH_PEER_RESET')) throw error
        this.#mark(hop, false, error.message)
        last = error
      }
    }
    throw fault('DH_HOP_NONE', { why: last?.message ?? 'none is configured' }, last)
  }

  /** Probes all hops now and then again and again, each at SOCKS level. */
  watch(): void {
    this.#probing = repeat(PROBE_EVERY_MILLISECONDS, async () => {
      await Promise.all(this.#hops.map(async (hop) => this.#mark(hop, await hop.probe())))
    })
  }

  close(): void {
    this.#closed = true
    this.#probing?.stop()
    for (const hop of this.#hops) hop.close()
  }

  toJSON(): object[] {
    return this.#hops.flatMap((hop) => hop.toJSON())
  }

  #inOrder(): NextHop[] {
    return [...this.#hops.filter(({ up }) => up), ...this.#hops.filter(({ up }) => !up)]
  }

  #mark(hop: NextHop, up: boolean, why = 'it does not answer a SOCKS greeting'): void {
    if (hop.up === up || this.#closed) return
    hop.up = up
    if (up) this.#log.info({ event: 'next-hop-up', hop: hop.name }, `next hop ${hop.name} is up`)
    else
      this.#log.warn(
        { event: 'next-hop-down', hop: hop.name, code: 'DH_HOP_UNREACHABLE' },
        `next hop ${hop.name} is down: ${why}`,
      )
  }
}
