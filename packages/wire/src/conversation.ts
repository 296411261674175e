/**
 * A handshake as a generator: it reads like the RFC, never waits for a socket, and says in one line each
 * what it needs and what it sends. `Dialogue` drives one over whatever bytes come, in whatever pieces.
 */
export type Step =
  | { readonly take: number } // go on when exactly that many bytes are there
  | { readonly say: Uint8Array } // send these, in one write

/** A handshake that ends in a `Result`, or throws a Fault. */
export type Conversation<Result> = Generator<Step, Result, Uint8Array>

/** Wait for exactly `count` bytes. */
export function* take(count: number): Conversation<Uint8Array> {
  return count === 0 ? new Uint8Array(0) : yield { take: count }
}

/** Wait for one byte. */
export function* takeByte(): Conversation<number> {
  const [byte] = yield { take: 1 }
  return byte as number
}

/** Send these bytes, all in one write. */
export function* say(bytes: Uint8Array): Conversation<void> {
  yield { say: bytes }
}

/**
 * A conversation under way. Feed it what arrives; what it does not take stays in `unread`,
 * so early data right behind a handshake is never lost.
 */
export class Dialogue<Result> {
  readonly #conversation: Conversation<Result>
  readonly #send: (bytes: Uint8Array) => void
  #wanted = 0
  /** what came and was not taken: a view, with room for more behind it */
  #held = new Uint8Array(0)
  #outcome: { readonly result: Result } | undefined
  #failure: { readonly cause: unknown } | undefined

  /** @param send called with each piece the conversation says, one write each */
  constructor(conversation: Conversation<Result>, send: (bytes: Uint8Array) => void) {
    this.#conversation = conversation
    this.#send = send
    this.#resume(this.#held)
  }

  /** The result once the conversation has ended, undefined before. */
  get outcome(): { readonly result: Result } | undefined {
    return this.#outcome
  }

  /** Bytes that arrived and that the conversation did not take. */
  get unread(): Uint8Array {
    return this.#held
  }

  /** Hand over what arrived. Throws what the conversation throws, and from then on nothing else. */
  feed(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure.cause
    this.#hold(bytes)
    while (this.#outcome === undefined && this.#held.length >= this.#wanted) {
      const taken = this.#held.subarray(0, this.#wanted)
      this.#held = this.#held.subarray(this.#wanted)
      this.#resume(taken)
    }
  }

  /**
   * Copies them, since a socket may read into the same buffer again. There is room for as much again as was held, so
   * that bytes which come one by one cost no more than in proportion; views that were given away stay as they are.
   */
  #hold(bytes: Uint8Array): void {
    const { buffer, byteOffset, length } = this.#held
    const whole = length + bytes.length
    const hasRoom = byteOffset + whole <= buffer.byteLength
    const grown = hasRoom ? new Uint8Array(buffer, byteOffset, whole) : new Uint8Array(2 * whole)
    if (!hasRoom) grown.set(this.#held)
    grown.set(bytes, length)
    this.#held = grown.subarray(0, whole)
  }

  /** Runs over everything the conversation says, to where it waits or ends. */
  #resume(taken: Uint8Array): void {
    try {
      let next = this.#conversation.next(taken)
      while (next.done !== true && 'say' in next.value) {
        this.#send(next.value.say)
        next = this.#conversation.next(new Uint8Array(0))
      }
      if (next.done === true) this.#outcome = { result: next.value }
      else if ('take' in next.value) this.#wanted = next.value.take
    } catch (cause) {
      this.#failure = { cause } // a generator that threw would report an end without a result
      throw cause
    }
  }
}

/** These pieces as one array. */
export function concat(...pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
