import type { Socket } from 'node:net'

/** Why nothing more can be read. */
export type Over = 'silent' | 'ended' | 'reset' | 'too long'

export class TalkOver extends Error {
  readonly how: Over

  constructor(how: Over) {
    super(`the other side is ${how}`)
    this.how = how
  }
}

/** More than this is not taken from the kernel before somebody reads it. */
const HELD_BYTES = 65_536

/** Reads lines and counted bytes from a socket, each with its bound in bytes and milliseconds. */
export class Talk {
  readonly socket: Socket
  #held: Buffer = Buffer.alloc(0)
  #over: 'ended' | 'reset' | undefined
  #wake: (() => void) | undefined

  /** @param socket open, with `allowHalfOpen`; nobody else reads it */
  constructor(socket: Socket) {
    this.socket = socket
    socket
      .on('data', (chunk: Buffer | string) => {
        this.#held = Buffer.concat([this.#held, chunk as Buffer])
        if (this.#held.length > HELD_BYTES) socket.pause()
        this.#wake?.()
      })
      .on('end', () => this.#finish('ended'))
      .on('error', () => this.#finish('reset'))
      .on('close', () => this.#finish('reset'))
  }

  /** Whatever is there next, at least one byte. @throws TalkOver */
  async some(milliseconds: number, most = HELD_BYTES): Promise<Buffer> {
    await this.#until(() => this.#held.length > 0, milliseconds)
    return this.#take(Math.min(most, this.#held.length))
  }

  /** @throws TalkOver */
  async bytes(count: number, milliseconds: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let missing = count; missing > 0; ) {
      const part = await this.some(milliseconds, missing)
      parts.push(part)
      missing -= part.length
    }
    return Buffer.concat(parts)
  }

  /** A line without its CR LF. @param longest bytes with its end @throws TalkOver */
  async line(milliseconds: number, longest: number): Promise<string> {
    const end = (): number => this.#held.subarray(0, longest).indexOf('\n')
    await this.#until(() => end() >= 0 || this.#held.length >= longest, milliseconds)
    if (end() < 0) throw new TalkOver('too long')
    return this.#take(end() + 1)
      .toString('latin1')
      .replace(/\r?\n$/, '')
  }

  /** Waits for the other side's end, throwing away what comes before it. @throws TalkOver */
  async end(milliseconds: number): Promise<void> {
    try {
      for (;;) await this.some(milliseconds)
    } catch (error) {
      if (!(error instanceof TalkOver) || error.how !== 'ended') throw error
    }
  }

  /** Writes, and waits while the other side does not read. @throws TalkOver */
  async write(data: string | Uint8Array, milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<Over | undefined>()
    const timer = setTimeout(() => resolve('silent'), milliseconds)
    const onClose = (): void => resolve('reset')
    this.socket.once('close', onClose)
    this.socket.write(data, (error) => resolve(error ? 'reset' : undefined))
    const over = await promise
    this.socket.off('close', onClose)
    clearTimeout(timer)
    if (over !== undefined) throw new TalkOver(over)
  }

  async #until(isSo: () => boolean, milliseconds: number): Promise<void> {
    if (isSo()) return
    const { promise, resolve } = Promise.withResolvers<void>()
    let late = false
    const timer = setTimeout(() => {
      // After a standstill of this process timers come first: what has arrived meanwhile is read before it counts as late.
      setImmediate(() =>
        setImmediate(() => {
          late = true
          resolve()
        }),
      )
    }, milliseconds)
    this.#wake = () => {
      if (isSo() || this.#over !== undefined) resolve()
    }
    this.#wake()
    await promise
    this.#wake = undefined
    clearTimeout(timer)
    if (isSo()) return
    if (this.#over !== undefined) throw new TalkOver(this.#over)
    if (late) throw new TalkOver('silent')
  }

  #take(count: number): Buffer {
    const taken = this.#held.subarray(0, count)
    this.#held = this.#held.subarray(count)
    if (this.#held.length <= HELD_BYTES && this.socket.isPaused()) this.socket.resume()
    return taken
  }

  #finish(how: 'ended' | 'reset'): void {
    this.#over ??= how
    this.#wake?.()
  }
}

/** For `catch`: this value instead, where the talk was over; any other error goes on. */
export function whenOver<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof TalkOver) return value
    throw error
  }
}
