import type { Endpoint } from '@doublehop/wire/endpoint'
import type { SeenSource } from '../listen/language.ts'
import { listenedTime } from './attempts-clock.ts'
import type { Observation } from './observation.ts'
import type { Layer } from './result.ts'

/** What came of the layers that were tried together. */
export interface Outcome extends Pick<Observation, 'observed' | 'note' | 'elsewhere'> {
  /** those that were tried, from below; the rest of the probe's layers are skipped */
  readonly layers: readonly Layer[]
  /** `doublehop listen` answered */
  readonly standIn?: SeenSource
}

/** What a probe leaves behind on its way: the ports it came from, the nonces it sent, the layers it got through. */
export class Trail {
  readonly #planned: readonly Layer['layer'][]
  readonly #began = listenedTime()
  readonly #milliseconds: number
  readonly #ports = new Set<number>()
  readonly #nonces: string[] = []
  readonly #passed: Layer[] = []

  /**
   * @param planned the layers of this probe, from below
   * @param milliseconds how long all of it may take
   */
  constructor(planned: readonly Layer['layer'][], milliseconds: number) {
    this.#planned = planned
    this.#milliseconds = milliseconds
  }

  /** How long it may still take, in ms; never below 0. */
  get left(): number {
    return Math.max(0, this.#began + this.#milliseconds - listenedTime())
  }

  from({ port }: Pick<Endpoint, 'port'>): void {
    if (port > 0) this.#ports.add(port)
  }

  nonce(nonce: string): void {
    this.#nonces.push(nonce)
  }

  /** These are behind us, and the next ones are tried. */
  pass(...layers: readonly Layer[]): void {
    this.#passed.push(...layers)
  }

  /** Where it ends. */
  end({ layers, standIn, ...seen }: Outcome): Observation {
    const tried = [...this.#passed, ...layers]
    const names = tried.map(({ layer }) => layer)
    const above = standIn && { note: 'doublehop listen answers in its place' }
    const skipped = this.#planned
      .filter((layer) => !names.includes(layer))
      .map((layer) => ({ layer, result: 'skip', ...above }) as const)
    return {
      ...seen,
      ...(standIn && { standIn }),
      layers: [...tried, ...skipped],
      ports: [...this.#ports],
      ...(this.#nonces.length > 0 && { nonces: this.#nonces }),
    }
  }
}

/** A layer, with what was seen and how long it took since `began` (performance.now()). */
export function layer(
  name: Layer['layer'],
  result: Layer['result'],
  note: string | undefined,
  began: number,
): Layer {
  return {
    ...{ layer: name, result },
    ...(note !== undefined && { note: note.slice(0, 1000) }),
    milliseconds: Math.round((performance.now() - began) * 10) / 10,
  }
}
