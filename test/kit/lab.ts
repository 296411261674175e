import { cpSync, existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Test } from 'tap'
import { type Ended, Program, type ProgramOptions } from './foreign.ts'
import { temporaryFolder } from './house.ts'
import { noteSecrets } from './secrets.ts'

/** A daemon of a lab, as `doublehop up --json` tells of it. */
export interface LabPlace {
  readonly host: string
  readonly port: number
  readonly admin: string
  readonly pid: number
}

export const LAB_DAEMONS = ['gateway', 'proxy', 'storefront', 'sta', 'vda'] as const

/** The line that `doublehop up --json` prints when it is ready. */
export type LabLine = Readonly<Record<(typeof LAB_DAEMONS)[number], LabPlace>> & {
  readonly ready: true
  readonly sta: LabPlace & { readonly url: string }
  readonly vda: LabPlace & {
    readonly apps: Readonly<Record<string, { cgp?: number; ica?: number }>>
  }
  readonly ca: string
  readonly token: string
  readonly config: string
  readonly pid: number
}

/** The doublehop command. */
export const COMMAND = join(import.meta.dirname, '../../packages/cli/bin/doublehop.mjs')

/** `doublehop …` as a process of its own. It ends with the test. */
export function doublehop(
  test: Test,
  args: readonly string[],
  options: ProgramOptions = {},
): Program {
  return new Program(test, process.execPath, [COMMAND, ...args], options)
}

/** A lab of real processes on free ports, with its own folder, and the doublehop command beside it. */
export class Lab {
  readonly folder: string
  readonly program: Program
  readonly line: LabLine
  readonly #test: Test

  private constructor(test: Test, folder: string, program: Program, line: LabLine) {
    this.#test = test
    this.folder = folder
    this.program = program
    this.line = line
  }

  /** Starts it, and waits until it says that it is ready. @param folder one that a lab had before, to find its certificates */
  static async up(test: Test, folder: string = temporaryFolder()): Promise<Lab> {
    const program = startLab(test, folder, ['--json'])
    const line = JSON.parse(String(await program.readThrough('\n'))) as LabLine
    noteSecrets(join(folder, 'certs'))
    return new Lab(test, folder, program, line)
  }

  /** A command in this lab, as a process that has begun. */
  start(...args: readonly string[]): Program {
    return doublehop(this.#test, [...args, '--state', this.folder])
  }

  /** The same with these environment variables. */
  startWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Program {
    return doublehop(this.#test, [...args, '--state', this.folder], { env })
  }

  /** A command, to its end, that is not told of this lab. */
  runWithout(args: readonly string[]): Promise<Ended> {
    const program = doublehop(this.#test, [...args, '--state', join(this.folder, 'nothing-here')])
    program.hush()
    return program.ended
  }

  /** A command in this lab, to its end. @param input its standard input, which ends behind that */
  async run(args: readonly string[], input: string | Uint8Array = ''): Promise<Ended> {
    const program = this.start(...args)
    program.say(input)
    program.hush()
    return await program.ended
  }

  /** A fresh ticket, by the command. */
  async ticket(app = 'echo'): Promise<string> {
    return String((await this.run(['ticket', '--app', app])).stdout).trim()
  }

  /** The state that the lab keeps for other commands; undefined when there is none. */
  get remembered(): LabLine | undefined {
    const file = join(this.folder, 'lab.json')
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LabLine) : undefined
  }
}

/** `doublehop up` with its state and certificates in this folder. Its logs join the output of the suite. */
export function startLab(test: Test, folder: string, more: readonly string[]): Program {
  // Teardown runs backwards: the logs are copied when the lab has ended.
  test.teardown(() => keepLogs(folder))
  const args = ['up', '--ephemeral', '--state', folder, '--certs', join(folder, 'certs'), ...more]
  return doublehop(test, args, { logged: true })
}

/** Whether there is a process of this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Copies the logs of a lab into the output of the suite. */
export function keepLogs(folder: string): void {
  const output = process.env.DOUBLEHOP_TEST_OUTPUT
  const logs = join(folder, 'logs')
  if (output === undefined || !existsSync(logs)) return
  cpSync(logs, join(output, `${process.pid}.lab-${basename(folder)}`), { recursive: true })
}
