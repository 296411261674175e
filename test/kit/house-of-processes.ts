import { Metrics } from '@doublehop/daemon/metrics'
import { type Endpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { startProcess, type Way } from './daemon-process.ts'
import type { Program } from './foreign.ts'
import { House, type Kind, type Running } from './house.ts'

/** A house in which some daemons are processes of their own; the others run inside the test. */
export class HouseOfProcesses extends House {
  readonly #test: Test
  readonly #outside: readonly Kind[]
  readonly #way: Way | undefined
  readonly #programs = new Map<Kind, Program>()

  /** @param outside which daemons are processes */
  constructor(test: Test, outside: readonly Kind[], way?: Way) {
    super(test)
    this.#test = test
    this.#outside = outside
    this.#way = way
  }

  /** The process of a daemon. */
  program(kind: Kind): Program {
    const program = this.#programs.get(kind)
    if (program === undefined) throw new Error(`the ${kind} is no process`)
    return program
  }

  override async start<K extends Kind>(
    kind: K,
    section: object,
    name: string = kind,
  ): Promise<Running> {
    if (!this.#outside.includes(kind)) return await super.start(kind, section, name)
    const { program, at, where, reload } = await startProcess(
      this.#test,
      this,
      kind,
      name,
      section,
      this.#way,
    )
    this.#programs.set(kind, program)
    const places = Object.entries(at).map(([listener, place]) => [listener, parseEndpoint(place)])
    return {
      at: Object.fromEntries(places) as Record<string, Endpoint>,
      // It counts in its own process: ask its admin listener.
      metrics: new Metrics(),
      where,
      reload: async (changed) => {
        const answer = await reload(changed)
        if (answer !== 'reloaded') throw new Error(answer)
      },
      drain: async () => (await program.stop()).code === 0,
      close: async () => void (await program.stop()),
    }
  }
}
