import { createHash } from 'node:crypto'
import type { Leg } from '@doublehop/daemon/leg'
import { launch } from '@doublehop/workspace/launch'
import type { DoubleHop } from './house.ts'
import { bytesFrom } from './transfer.ts'

/** What one member of a crowd has come to. */
export interface Came {
  /** bytes that came back */
  readonly count: number
  /** whether they were those that it sent */
  readonly intact: boolean
  /** how its connection ended: with the other side's FIN, or too early */
  readonly end: string
}

/** A session of an echo that sends so many bytes of its own, a piece at a time, and holds what comes back against them. */
export class Member {
  readonly name: string
  readonly came: Promise<Came>
  readonly #leg: Leg
  readonly #left: Buffer[]
  readonly #hash = createHash('sha256')
  readonly #expected: string
  readonly #settle: (came: Came) => void
  #count = 0
  #ended = false
  #wake: () => void = () => {}

  private constructor(name: string, leg: Leg, bytes: Buffer, pieces: number) {
    this.name = name
    this.#leg = leg
    const size = Math.ceil(bytes.length / pieces)
    this.#left = Array.from({ length: pieces }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    )
    this.#expected = createHash('sha256').update(bytes).digest('hex')
    const { promise, resolve } = Promise.withResolvers<Came>()
    this.came = promise
    this.#settle = resolve
    leg.listen({
      bytes: (chunk) => {
        this.#hash.update(chunk)
        this.#count += chunk.length
        this.#wake()
      },
      end: () => {
        this.#ended = true
        leg.end()
      },
      drain() {},
      close: (error) => this.#close(error),
    })
  }

  /** Launches. @param pieces how many it sends */
  static async join(
    { access, ticket }: DoubleHop,
    name: string,
    bytes: number,
    pieces: number,
    protocol: 'socks' | 'cgp' = 'socks',
  ): Promise<Member> {
    const { leg } = await launch(access, { ticket: await ticket(), port: 2598, protocol })
    return new Member(name, leg, bytesFrom(name, bytes), pieces)
  }

  /** Sends its next piece, and waits until all of its bytes so far are back; the end of the last piece is its own end. */
  async sendOne(): Promise<void> {
    const piece = this.#left.shift()
    if (piece === undefined) return
    const wanted = this.#count + piece.length
    this.#leg.write(piece)
    while (this.#count < wanted && !this.#leg.gone.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Sends what is left, and its end. */
  finish(): Promise<Came> {
    for (const piece of this.#left.splice(0)) this.#leg.write(piece)
    this.#leg.end()
    return this.came
  }

  #close(error: NodeJS.ErrnoException | undefined): void {
    const early = this.#ended ? 'clean' : 'destroyed'
    this.#settle({
      count: this.#count,
      intact: this.#hash.digest('hex') === this.#expected,
      end: error?.code ?? early,
    })
    this.#wake()
  }
}

/** Does something for many, so many at a time. */
export async function inTurns<T>(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<T>,
): Promise<T[]> {
  const done: T[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) done[index] = await work(index)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return done
}

/** How many came to what, for a test to look at in one piece. */
export function tally(all: readonly Came[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { intact, end } of all) {
    const what = `${intact ? 'intact' : 'broken'}, ${end}`
    counts[what] = (counts[what] ?? 0) + 1
  }
  return counts
}
