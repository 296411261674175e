import { setTimeout as delay } from 'node:timers/promises'
import { AFTER_END_MS, type Command, verdictLine } from './language.ts'
import { Comparison, pattern } from './pattern.ts'
import { type Talk, TalkOver } from './talk.ts'

/** How long the far end may be silent within a command. */
const PATIENCE_MS = 10_000
/** A whole comparison takes no longer. */
const COMPARING_MS = 60_000
const REMEMBERED = 1000

/** The far end of deep checks, for one visitor after the other. */
export class DeepService {
  /** numbers that came after our end, and that were announced for then: the oldest are forgotten */
  readonly #came = new Map<string, boolean>()

  /** What a visitor may do: it earns by what it sends. */
  visitor(talk: Talk): DeepVisitor {
    return new DeepVisitor(talk, this.#came)
  }
}

class DeepVisitor {
  readonly #talk: Talk
  readonly #came: Map<string, boolean>
  #credit = 0

  constructor(talk: Talk, came: Map<string, boolean>) {
    this.#talk = talk
    this.#came = came
  }

  /** @returns how long the next line may take in ms, or undefined when the talk is over @throws TalkOver */
  async serve(command: Command): Promise<number | undefined> {
    switch (command.what) {
      case 'wait':
        await this.#say('ready\r\n')
        return command.seconds * 1000 + PATIENCE_MS
      case 'echo':
        await this.#say(`echo ${command.nonce}\r\n`)
        return PATIENCE_MS
      case 'take':
        return await this.#take(command.bytes)
      case 'give':
        return await this.#give(command.bytes)
      case 'bytes':
        return await this.#compare(command.bytes)
      case 'close-last':
        return await this.#closeLast(command.nonce)
      case 'close-first':
        return await this.#closeFirst(command.nonce)
      case 'seen':
        await this.#say(`seen ${this.#came.get(command.nonce) === true ? 'yes' : 'no'}\r\n`)
        return PATIENCE_MS
    }
  }

  async #take(count: number): Promise<number> {
    await this.#say('go\r\n')
    await this.#talk.bytes(count, PATIENCE_MS)
    this.#credit += count
    await this.#say(`took ${count}\r\n`)
    return PATIENCE_MS
  }

  /** One write, so that one packet carries it where a segment is large enough. */
  async #give(count: number): Promise<number | undefined> {
    if (count > this.#credit) return undefined
    this.#credit -= count
    await this.#say(pattern(0, count))
    return PATIENCE_MS
  }

  /** Gives as many bytes as it got, so that it is no louder than who asked. */
  async #compare(count: number): Promise<undefined> {
    const came = new Comparison()
    const deadline = performance.now() + COMPARING_MS
    await this.#say('go\r\n')
    while (came.count < count && performance.now() < deadline) {
      const chunk = await this.#someOrEnd(count - came.count)
      if (chunk === undefined) break
      const from = came.count
      came.push(chunk)
      await this.#say(pattern(from, chunk.length))
    }
    await this.#say(verdictLine(came.verdict(count)))
  }

  /** What is lost on the way leaves a silence: that ends it as an end does. */
  async #someOrEnd(most: number): Promise<Uint8Array | undefined> {
    try {
      return await this.#talk.some(PATIENCE_MS / 4, most)
    } catch (error) {
      if (error instanceof TalkOver && error.how !== 'reset') return undefined
      throw error
    }
  }

  async #closeLast(nonce: string): Promise<undefined> {
    await this.#say('ready\r\n')
    await this.#talk.end(PATIENCE_MS)
    await delay(AFTER_END_MS)
    await this.#say(`${nonce}\r\n`)
  }

  async #closeFirst(nonce: string): Promise<undefined> {
    this.#remember(nonce, false)
    await this.#say('ready\r\n')
    this.#talk.socket.end()
    const line = await this.#talk.line(PATIENCE_MS, nonce.length + 2)
    if (line === nonce) this.#remember(nonce, true)
  }

  #remember(nonce: string, came: boolean): void {
    this.#came.delete(nonce)
    this.#came.set(nonce, came)
    for (const oldest of this.#came.keys()) {
      if (this.#came.size <= REMEMBERED) break
      this.#came.delete(oldest)
    }
  }

  async #say(data: string | Uint8Array): Promise<void> {
    await this.#talk.write(data, PATIENCE_MS)
  }
}
