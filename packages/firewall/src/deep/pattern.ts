import { createHash } from 'node:crypto'
import type { Verdict } from './language.ts'

/** Each row of 256 holds every byte value once, and no row is like the next: a byte that moved shows as changed. */
function patternByte(at: number): number {
  return (at * 167 + (at >>> 8) * 89 + (at >>> 16) * 31) & 0xff
}

/** Bytes of the pattern. */
export function pattern(from: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, at) => patternByte(from + at))
}

/** Compares what comes with the pattern. */
export class Comparison {
  readonly #hash = createHash('sha256')
  #count = 0
  #firstChange: number | undefined

  get count(): number {
    return this.#count
  }

  push(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    if (this.#firstChange === undefined) {
      const at = chunk.findIndex((byte, index) => byte !== patternByte(this.#count + index))
      if (at >= 0) this.#firstChange = this.#count + at
    }
    this.#count += chunk.length
  }

  /** @param expected how many should have come: what is missing counts as changed */
  verdict(expected: number): Verdict {
    const missing = this.#count < expected ? this.#count : undefined
    const firstChange = this.#firstChange ?? missing
    return { count: this.#count, digest: this.#hash.copy().digest('hex'), firstChange }
  }
}

/** SHA-256 of so many bytes of the pattern, hex. */
export function patternDigest(count: number): string {
  return createHash('sha256').update(pattern(0, count)).digest('hex')
}
