import { type Fault, fault } from '@doublehop/errors/fault'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { sourceOf } from '@doublehop/wire/ip'
import type { Peer } from './leg.ts'

/** How many connections may be on their way at once. */
export interface HandshakeLimits {
  readonly handshakes: number
  /** of one source; left out, as many as in all */
  readonly handshakesPerSource?: number | undefined
}

/**
 * Connections that have not come far enough to be served: from accept to whatever their owner calls the end of the
 * handshake. A new one is always let in, and when that is one too many the oldest gives way: who opens connections and
 * says nothing pushes out its own first.
 */
export class Handshakes {
  limits: HandshakeLimits
  // A Set keeps the order in which its members came.
  readonly #all = new Set<Handshake>()
  readonly #bySource = new Map<string, Set<Handshake>>()

  constructor(limits: HandshakeLimits) {
    this.limits = limits
  }

  /** @param isClient false while a load balancer has not told who the client is, so that nobody is counted */
  begin(peer: Peer, isClient: boolean): Handshake {
    const again = (): Handshake => this.begin(handshake.peer, true)
    const handshake = new Handshake(peer, again, (one) => this.#remove(one))
    this.#all.add(handshake)
    if (this.#all.size > this.limits.handshakes)
      this.#giveWay(this.#all, this.limits.handshakes, 'in all')
    if (isClient) this.name(handshake, peer)
    return handshake
  }

  /** Now it is known whose it is. */
  name(handshake: Handshake, peer: Peer): void {
    if (!this.#all.has(handshake)) return
    const source = sourceOf(peer.host)
    handshake.peer = peer
    handshake.source = source
    const siblings = this.#bySource.get(source) ?? new Set()
    this.#bySource.set(source, siblings.add(handshake))
    const limit = this.limits.handshakesPerSource ?? Number.POSITIVE_INFINITY
    if (siblings.size > limit) this.#giveWay(siblings, limit, 'of one source')
  }

  /** Ends all of them. */
  endAll(why: Fault): void {
    for (const handshake of this.#all) handshake.end(why)
  }

  /** As /sessions shows them. */
  toJSON(): object[] {
    return [...this.#all].map(({ peer, since }) => ({
      peer: formatEndpoint(peer),
      since: since.toISOString(),
    }))
  }

  get count(): number {
    return this.#all.size
  }

  #giveWay(among: Set<Handshake>, limit: number, whose: string): void {
    const [oldest] = among
    oldest?.end(fault('DH_LIMIT_HANDSHAKES', { limit, whose }))
  }

  #remove(handshake: Handshake): void {
    this.#all.delete(handshake)
    if (handshake.source === undefined) return
    const siblings = this.#bySource.get(handshake.source)
    siblings?.delete(handshake)
    if (siblings?.size === 0) this.#bySource.delete(handshake.source)
  }
}

/** One of them. It ends exactly once: finished, or given up with a reason. */
export class Handshake {
  peer: Peer
  source: string | undefined
  readonly since = new Date()
  /** when it was accepted (performance.now()) */
  readonly began = performance.now()
  readonly #controller = new AbortController()
  /** It counts as a handshake once more: another one of the same peer, which may have to give way too. */
  readonly again: () => Handshake
  readonly #onEnd: (handshake: Handshake) => void
  #isOver = false

  constructor(peer: Peer, again: () => Handshake, onEnd: (handshake: Handshake) => void) {
    this.peer = peer
    this.again = again
    this.#onEnd = onEnd
  }

  /** Aborted, with a Fault, when it must end. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** It is served from here on. */
  finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onEnd(this)
  }

  /** It gets no further. */
  end(why: Fault): void {
    if (this.#isOver) return
    this.finish()
    this.#controller.abort(why)
  }
}
