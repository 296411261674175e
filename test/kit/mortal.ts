import { type Endpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { startProcess } from './daemon-process.ts'
import type { Program } from './foreign.ts'
import type { House, LogLine } from './house.ts'

/** A daemon as a process of its own that a test kills, freezes and starts again on the same ports. It ends with the test. */
export class Mortal {
  readonly kind: string
  readonly #test: Test
  readonly #house: House
  readonly #name: string
  readonly #section: object
  readonly #lines: LogLine[] = []
  /** bytes of its output that stand in `#lines` */
  #read = 0
  #program: Program | undefined
  #at: Readonly<Record<string, string>> = {}

  /** @param section with ports of its own choice (`freePort`), so that it can come back */
  constructor(test: Test, house: House, kind: string, section: object, name: string = kind) {
    this.kind = kind
    this.#test = test
    this.#house = house
    this.#name = name
    this.#section = section
  }

  /** Starts it, for the first time or again, and waits until it is ready. */
  async start(): Promise<this> {
    const { program, at } = await startProcess(
      this.#test,
      this.#house,
      this.kind,
      this.#name,
      this.#section,
    )
    // It may be frozen, or hold sessions that it would wait for.
    this.#test.teardown(() => program.stop('SIGKILL'))
    this.#program = program
    this.#read = 0
    this.#at = at
    return this
  }

  /** As a power cut does. */
  async kill(): Promise<void> {
    const ended = await this.#running.stop('SIGKILL')
    if (ended.signal !== 'SIGKILL') throw new Error(`the ${this.kind} had ended before`)
    this.#readOn()
    this.#program = undefined
  }

  /** It does nothing any more, and its kernel still takes connections. */
  freeze(): void {
    this.#running.signal('SIGSTOP')
  }

  thaw(): void {
    this.#running.signal('SIGCONT')
  }

  /** What it has logged, in all its lives. */
  get lines(): LogLine[] {
    this.#readOn()
    return this.#lines
  }

  get at(): Readonly<Record<string, Endpoint>> {
    return Object.fromEntries(
      Object.entries(this.#at).map(([name, where]) => [name, parseEndpoint(where) as Endpoint]),
    )
  }

  where(listener = 'listen'): string {
    return this.#at[listener] ?? ''
  }

  /** Tests look often, so each line is read once. */
  #readOn(): void {
    const { stdout } = this.#program ?? {}
    const end = stdout?.lastIndexOf('\n') ?? -1
    if (stdout === undefined || end < this.#read) return
    const text = stdout.subarray(this.#read, end).toString()
    this.#lines.push(...text.split('\n').map((line) => JSON.parse(line) as LogLine))
    this.#read = end + 1
  }

  get #running(): Program {
    if (this.#program === undefined) throw new Error(`the ${this.kind} does not run`)
    return this.#program
  }
}
