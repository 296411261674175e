import { join } from 'node:path'
import type { Test } from 'tap'
import type { Ended, Program } from './foreign.ts'
import { temporaryFolder } from './house.ts'
import { doublehop, keepLogs, type LabLine } from './lab.ts'
import { noteSecrets } from './secrets.ts'
import { Mark } from './survivors.ts'

/** What `doublehop up --isolate netns --json` tells beside what every lab tells. */
export interface IsolatedLine extends LabLine {
  readonly isolation: {
    readonly family: 4 | 6
    readonly holders: Readonly<Record<string, { readonly pid: number; readonly started: string }>>
  }
}

/** `doublehop up --isolate netns` as a process, and the doublehop command beside it. */
export class IsolatedLab {
  readonly folder: string
  readonly program: Program
  readonly line: IsolatedLine
  /** on it and all that it started */
  readonly mark: Mark
  readonly #test: Test

  private constructor(
    test: Test,
    folder: string,
    program: Program,
    line: IsolatedLine,
    mark: Mark,
  ) {
    this.#test = test
    this.folder = folder
    this.program = program
    this.line = line
    this.mark = mark
  }

  static async up(test: Test, ...more: readonly string[]): Promise<IsolatedLab> {
    const folder = temporaryFolder()
    const mark = new Mark()
    test.teardown(() => keepLogs(folder))
    const where = ['--state', folder, '--certs', join(folder, 'certs')]
    const args = ['up', '--isolate', 'netns', '--json', ...where, ...more]
    const program = doublehop(test, args, { logged: true, env: mark.env })
    const line = JSON.parse(String(await program.readThrough('\n'))) as IsolatedLine
    noteSecrets(join(folder, 'certs'))
    return new IsolatedLab(test, folder, program, line, mark)
  }

  /** A command for this lab, as a process that has begun. It stands outside of all namespaces. */
  start(...args: readonly string[]): Program {
    return doublehop(this.#test, [...args, '--state', this.folder])
  }

  /** The same to its end. @param input its standard input, which ends behind that */
  async run(args: readonly string[], input: string | Uint8Array = ''): Promise<Ended> {
    const program = this.start(...args)
    program.say(input)
    program.hush()
    return await program.ended
  }
}
