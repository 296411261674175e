import type { Logger } from '@doublehop/daemon/log'
import { type Repeated, repeat } from '@doublehop/daemon/repeat'
import { dialContext } from '@doublehop/daemon/tls'
import type { Code } from '@doublehop/errors/catalogue'
import { type Fault, fault, isFault } from '@doublehop/errors/fault'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import type { LastingParts } from './lasting-parts.ts'
import { NextHop } from './next-hop.ts'

/** How often each hop is probed: /readyz must notice within 2 s. */
const PROBE_EVERY_MILLISECONDS = 500

/** What says that this hop has done nothing, and another one may be asked. */
const ANOTHER_MAY_DO: Code[] = [
  'DH_HOP_UNREACHABLE',
  'DH_PEER_CLOSED',
  'DH_PEER_RESET',
  'DH_DRAINING',
]

/** The next hops in order of preference. Those that are known to be down are tried last. */
export class NextHops {
  readonly #hops: readonly NextHop[]
  readonly #log: Logger
  #probing: Repeated | undefined
  #closed = false

  /** @param former the hops of the configuration before: which of them are down is known already */
  constructor(
    settings: GatewaySettings,
    { counters, log, hopConnections }: LastingParts,
    former: NextHops | undefined,
  ) {
    const context = dialContext(settings.identity)
    const down = new Set(former?.all.filter(({ up }) => !up).map(({ name }) => name))
    this.#hops = settings.nextHops.map((hop) => {
      const nextHop = new NextHop(hop, settings, context, counters, hopConnections)
      nextHop.up = !down.has(hop.name)
      return nextHop
    })
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
        if (!isFault(error, ...ANOTHER_MAY_DO)) throw error
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

  retire(): void {
    this.#probing?.stop()
    for (const hop of this.#hops) hop.retire()
  }

  close(): void {
    this.#closed = true
    this.#probing?.stop()
    for (const hop of this.#hops) hop.close()
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
