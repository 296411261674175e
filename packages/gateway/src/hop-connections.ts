import type { Leg } from '@doublehop/daemon/leg'
import { formatEndpoint } from '@doublehop/wire/endpoint'

interface HopConnection {
  readonly hop: string
  readonly what: 'ahead' | 'in use'
}

/** All connections to next hops. They outlive a reload, as the sessions do that they carry. */
export class HopConnections {
  readonly #open = new Map<Leg, HopConnection>()

  /** @param hop its name @param what opened ahead, or in use by a launch or session from now on */
  note(leg: Leg, hop: string, what: HopConnection['what']): void {
    if (leg.gone.aborted) return
    if (!this.#open.has(leg)) leg.gone.addEventListener('abort', () => this.#open.delete(leg))
    this.#open.set(leg, { hop, what })
  }

  closeAll(): void {
    for (const leg of this.#open.keys()) leg.destroy()
  }

  /** As /sessions shows them. */
  toJSON(): object[] {
    return [...this.#open].map(([leg, { hop, what }]) => ({
      hop,
      peer: formatEndpoint(leg.peer),
      local: formatEndpoint(leg.local),
      what,
    }))
  }
}
