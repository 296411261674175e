import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Metrics } from '@doublehop/daemon/metrics'
import { type Endpoint, formatEndpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { Program } from './foreign.ts'
import { House, type Kind, type Running } from './house.ts'
import { doublehop } from './lab.ts'

/** A daemon's own command, `doublehop-gateway …`. It ends with the test. */
export function runBin(test: Test, name: Kind, args: readonly string[]): Program {
  const file = join(import.meta.dirname, `../../packages/${name}/bin/doublehop-${name}.ts`)
  return new Program(test, process.execPath, [file, ...args], { logged: true })
}

/** How a daemon is started as a process: by its own command, or as `doublehop gateway`. */
export interface Way {
  readonly by?: 'its own command' | 'doublehop'
  readonly args?: readonly string[]
}

/** A house in which some daemons are processes of their own; the others run inside the test. */
export class HouseOfProcesses extends House {
  readonly #test: Test
  readonly #outside: readonly Kind[]
  readonly #way: Way
  readonly #programs = new Map<Kind, Program>()

  /** @param outside which daemons are processes */
  constructor(test: Test, outside: readonly Kind[], way: Way = {}) {
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

  override async start<K extends Kind>(kind: K, section: object, name: string = kind): Promise<Running> {
    if (!this.#outside.includes(kind)) return await super.start(kind, section, name)
    const { by = 'its own command', args = [] } = this.#way
    const config = join(this.folder, `${kind}.yaml`)
    writeFileSync(config, JSON.stringify({ [kind]: section }))
    const all = ['--config', config, ...args]
    const program =
      by === 'doublehop' ? doublehop(this.#test, [kind, ...all], { logged: true }) : runBin(this.#test, kind, all)
    this.#programs.set(kind, program)
    const at = await ready(program)
    const end = async (): Promise<void> => void (await program.stop())
    return {
      at,
      metrics: new Metrics(),
      where: (listener = 'listen') => formatEndpoint(at[listener] as Endpoint),
      drain: async () => (await program.stop()).code === 0,
      close: end,
    }
  }
}

/** Waits until a daemon says in its log that it is ready. @returns where it listens */
async function ready(program: Program): Promise<Readonly<Record<string, Endpoint>>> {
  for (;;) {
    const line = JSON.parse(String(await program.readThrough('\n'))) as { event?: string; at: Record<string, string> }
    if (line.event !== 'ready') continue
    const places = Object.entries(line.at).map(([listener, where]) => [listener, parseEndpoint(where)])
    return Object.fromEntries(places) as Record<string, Endpoint>
  }
}
