import type { Socket } from 'node:net'
import { breakOff } from './break-off.ts'

/** From who dials to who listens, and back. */
export type Direction = 'up' | 'down'

/** One connection through a link. */
export class LinkedConnection {
  readonly #near: Socket
  readonly #far: Socket
  readonly #held: Record<Direction, Buffer[] | undefined> = { up: undefined, down: undefined }
  readonly #ended: Record<Direction, boolean> = { up: false, down: false }
  readonly #delay: () => number
  readonly #late = new Map<Socket, Buffer[]>()
  #port = 0
  /** what has come of a record of the handshake that is let pass; undefined when none is */
  #handshake: Buffer | undefined

  constructor(near: Socket, far: Socket, delay: () => number, onGone: () => void) {
    this.#near = near
    this.#far = far
    this.#delay = delay
    far.once('connect', () => {
      this.#port = far.localPort ?? 0
    })
    this.#carry(near, far, 'up')
    this.#carry(far, near, 'down')
    let open = 2
    const closed = (): void => {
      if (--open === 0) onGone()
    }
    near.once('close', closed)
    far.once('close', closed)
  }

  /** the port from which the target is reached */
  get port(): number {
    return this.#port
  }

  waiting(direction: Direction): number {
    return (this.#held[direction] ?? []).reduce((sum, { length }) => sum + length, 0)
  }

  /** @param behindHandshake the connection is new, and its handshake may pass */
  hold(direction: Direction, behindHandshake = false): void {
    this.#held[direction] ??= []
    if (behindHandshake) this.#handshake = Buffer.alloc(0)
  }

  lose(direction: Direction): void {
    if (this.#held[direction] !== undefined) this.#held[direction] = []
  }

  release(direction: Direction): void {
    const to = direction === 'up' ? this.#far : this.#near
    const held = this.#held[direction]
    this.#held[direction] = undefined
    for (const bytes of held ?? []) to.write(bytes)
    if (held !== undefined && this.#ended[direction]) to.end()
  }

  break(): void {
    breakOff(this.#near)
    breakOff(this.#far)
  }

  /** In its order, also when the delay changes. */
  #pass(to: Socket, bytes: Buffer): void {
    const late = this.#late.get(to) ?? []
    if (this.#delay() === 0 && late.length === 0) return void to.write(bytes)
    this.#late.set(to, [...late, bytes])
    setTimeout(() => {
      const [first, ...others] = this.#late.get(to) ?? []
      this.#late.set(to, others)
      if (first !== undefined) to.write(first)
    }, this.#delay())
  }

  #carry(from: Socket, to: Socket, direction: Direction): void {
    from
      .on('data', (bytes: Buffer) => {
        const held = this.#held[direction]
        const rest = direction === 'up' ? this.#passHandshake(bytes) : bytes
        if (held === undefined) this.#pass(to, rest)
        else if (rest.length > 0) held.push(rest)
      })
      .on('end', () => {
        this.#ended[direction] = true
        if (this.#held[direction] === undefined) to.end()
      })
      .on('error', () => {})
      .on('close', () => {
        if (from.errored || !from.readableEnded) breakOff(to)
      })
  }

  /** Lets records pass up to the client's Finished, and gives what lies behind it. */
  #passHandshake(bytes: Buffer): Buffer {
    if (this.#handshake === undefined) return bytes
    this.#handshake = Buffer.concat([this.#handshake, bytes])
    for (;;) {
      const begun: Buffer = this.#handshake
      const length = begun.length < 5 ? Number.POSITIVE_INFINITY : 5 + begun.readUInt16BE(3)
      if (begun.length < length) return Buffer.alloc(0)
      this.#far.write(begun.subarray(0, length))
      this.#handshake = begun.subarray(length)
      if (begun[0] !== APPLICATION_DATA || !FINISHED.includes(length)) continue
      const rest = this.#handshake
      this.#handshake = undefined
      return rest
    }
  }
}

/** RFC 8446, 5.2: what is encrypted calls itself so. */
const APPLICATION_DATA = 0x17
/** A record with a Finished of SHA-256 or SHA-384 in it: header, message, its type, tag of AES-GCM (RFC 8446, 4.4.4). */
const FINISHED = [5 + 36 + 17, 5 + 52 + 17]
