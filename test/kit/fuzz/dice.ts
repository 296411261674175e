/** Random numbers that come again with their seed (mulberry32): not for secrets. */
export class Dice {
  #state: number

  /** @param seeds the same ones in the same order give the same numbers */
  constructor(...seeds: readonly number[]) {
    this.#state = seeds.reduce((state, seed) => Math.imul(state ^ seed, 0x9e3779b1) + 0x6d2b79f5, 1)
  }

  /** 0 to `sides` - 1. */
  roll(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * sides)
  }

  /** One of so many times, on the average. */
  oneIn(times: number): boolean {
    return this.roll(times) === 0
  }

  pick<T>(list: readonly T[]): T {
    return list[this.roll(list.length)] as T
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.roll(256))
  }

  /** These bytes in one to a few pieces, some of them empty. */
  cut(bytes: Uint8Array): Uint8Array[] {
    const cuts = Array.from({ length: 1 + this.roll(6) }, () => this.roll(bytes.length + 1))
    const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
    return places.slice(1).map((end, at) => bytes.subarray(places[at], end))
  }
}
