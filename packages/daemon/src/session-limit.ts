import { type Fault, fault } from '@doublehop/errors/fault'
import { sourceOf } from '@doublehop/wire/ip'
import type { Leg } from './leg.ts'

export interface SessionLimits {
  readonly sessions: number
  /** of one client source; left out, as many as in all */
  readonly sessionsPerSource?: number | undefined
}

/** How many sessions there may be at once, in all and of one client source. Every session takes a place here. */
export class SessionLimit {
  limits: SessionLimits
  readonly #bySource = new Map<string, number>()
  readonly #places = new Map<Leg, string>()

  constructor(limits: SessionLimits) {
    this.limits = limits
  }

  /**
   * Why this source cannot have one more, if so: asked before any work is done for it.
   *
   * @param host left out while it is not known who comes: then only the limit in all is asked
   */
  refusal(host?: string): Fault | undefined {
    const { sessions, sessionsPerSource = sessions } = this.limits
    if (this.#places.size >= sessions) return fault('DH_LIMIT_SESSIONS', { limit: sessions })
    if (host === undefined) return undefined
    const own = this.#bySource.get(sourceOf(host)) ?? 0
    if (own >= sessionsPerSource) return fault('DH_LIMIT_SOURCE', { limit: sessionsPerSource })
    return undefined
  }

  /**
   * Takes a place until the leg is gone, or leaves.
   *
   * @param host who is counted: the client, which over a gateway is not the leg's peer
   * @throws Fault DH_LIMIT_SESSIONS, DH_LIMIT_SOURCE
   */
  enter(leg: Leg, host: string = leg.peer.host): void {
    const refused = this.refusal(host)
    if (refused !== undefined) throw refused
    if (leg.gone.aborted) return
    const source = sourceOf(host)
    this.#places.set(leg, source)
    this.#bySource.set(source, (this.#bySource.get(source) ?? 0) + 1)
    leg.gone.addEventListener('abort', () => this.leave(leg))
  }

  /** Gives its place back, if it has one. */
  leave(leg: Leg): void {
    const source = this.#places.get(leg)
    if (source === undefined) return
    this.#places.delete(leg)
    const left = (this.#bySource.get(source) ?? 1) - 1
    if (left === 0) this.#bySource.delete(source)
    else this.#bySource.set(source, left)
  }
}
