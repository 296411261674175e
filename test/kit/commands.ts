import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from '@doublehop/cli/lab/isolated/topology'
import type { Test } from 'tap'
import type { Ended, Program } from './foreign.ts'
import { DOUBLEHOP, type IsolatedWorld } from './isolated-world.ts'
import { doublehop } from './lab.ts'

/** What a command has said, and how it ended. */
export interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Secrets by the shapes that they have, whatever file they stand in. */
const SHAPES = [/PRIVATE KEY/, /[0-9A-F]{30}/, /(?<![\w-])[\w-]{120}(?![\w-])/]

/** Runs commands in an isolated lab, as its user does, and remembers all that they print. */
export class Commands {
  readonly #test: Test
  readonly #world: IsolatedWorld
  #printed = ''

  constructor(test: Test, world: IsolatedWorld) {
    this.#test = test
    this.#world = world
  }

  /** On a host of the lab, where only `--config` tells of it. */
  async at(place: Place, command: string, ...args: readonly string[]): Promise<Said> {
    return this.#note(await this.#world.doublehop(place, command, ...this.#known(args), ...args))
  }

  /** The same with a standard input. */
  async fed(place: Place, input: string, ...args: readonly string[]): Promise<Said> {
    return this.#note(await this.#world.run(place, [...DOUBLEHOP, ...args], input))
  }

  /** The same, begun. */
  begin(place: Place, command: string, ...args: readonly string[]): Program {
    return this.#world.start(place, [...DOUBLEHOP, command, ...this.#known(args), ...args])
  }

  /** Outside of all namespaces, where `--state` tells of the lab. */
  async outside(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Said> {
    const program = doublehop(this.#test, [...args, '--state', this.#world.folder], { env })
    program.hush()
    return this.#note(await program.ended)
  }

  /** The same, begun. */
  beginOutside(...args: readonly string[]): Program {
    return doublehop(this.#test, [...args, '--state', this.#world.folder])
  }

  /** A fresh ticket. */
  async ticket(): Promise<string> {
    const args = ['ticket', '--app', 'echo', '--config', this.#world.config]
    return String((await this.#world.doublehop('internet', ...args)).stdout).trim()
  }

  /** Whatever of all that was printed, or of these texts, is secret; nothing, so one hopes. */
  secretsIn(...texts: readonly string[]): readonly string[] {
    const all = [this.#printed, ...texts].join('\n')
    const shapes = SHAPES.filter((shape) => shape.test(all)).map(String)
    const files = readdirSync(this.#world.certs, { recursive: true, encoding: 'utf8' })
    const secret = files.filter((name) => /\.key$|(^|\/)token$/.test(name))
    const found = secret.filter((name) => {
      const lines = readFileSync(join(this.#world.certs, name), 'utf8').trim().split('\n')
      return lines.some((line) => !line.startsWith('-----') && line !== '' && all.includes(line))
    })
    return [...shapes, ...found]
  }

  #known(args: readonly string[]): readonly string[] {
    const isKnown = ['--config', '--plan', '--state'].some((one) => args.includes(one))
    return isKnown ? [] : ['--config', this.#world.config]
  }

  #note({ code, stdout, stderr }: Ended): Said {
    const said = { code, out: String(stdout), err: stderr }
    this.#printed += `${said.out}\n${said.err}\n`
    const output = process.env.DOUBLEHOP_TEST_OUTPUT
    if (output !== undefined)
      appendFileSync(join(output, `${process.pid}.commands.log`), `${said.out}\n${said.err}\n`)
    return said
  }
}
