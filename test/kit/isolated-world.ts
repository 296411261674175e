import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IsolatedGround, type IsolatedOptions } from '@doublehop/cli/lab/isolated/isolated-ground'
import type { Routers } from '@doublehop/cli/lab/isolated/routers'
import {
  addressOf,
  type Family,
  type LabHost,
  type Place,
} from '@doublehop/cli/lab/isolated/topology'
import { Lab } from '@doublehop/cli/lab/lab'
import type { LabDaemon } from '@doublehop/cli/lab/lab-settings'
import type { LabState } from '@doublehop/cli/lab/lab-state'
import type { Flow } from '@doublehop/firewall/flows/flow'
import { loadSettings } from '@doublehop/settings/load'
import type { Settings } from '@doublehop/settings/schema'
import type { Test } from 'tap'
import { type Ended, Program, type ProgramOptions } from './foreign.ts'
import { temporaryFolder } from './house.ts'
import { keepLogs } from './lab.ts'
import { noteSecrets } from './secrets.ts'
import { missing } from './tools.ts'

const COMMAND = join(import.meta.dirname, '../../packages/cli/bin/doublehop.mjs')

/** The command as it is run inside a namespace. */
export const DOUBLEHOP: readonly string[] = [process.execPath, COMMAND]

/** For a test's `skip` option: why no namespaces can be made here, or false. */
export function cannotIsolate(...tools: string[]): string | false {
  const absent = missing('unshare', 'nsenter', 'ip', 'nft', ...tools)
  if (absent !== false) return absent
  if (process.getuid?.() === 0) return false
  const reason = 'network namespaces need root'
  if (process.env.DOUBLEHOP_REQUIRE === 'all') throw new Error(reason)
  return reason
}

/**
 * An isolated lab: the real daemons, each in a network namespace of its own, with three routers between them that have
 * loaded the rules of the configuration. It stands in about two seconds, and vanishes with the test or with its process.
 */
export class IsolatedWorld {
  readonly folder: string
  readonly family: Family
  readonly state: LabState
  readonly lab: Lab
  readonly routers: Routers
  readonly settings: Settings
  readonly #test: Test
  readonly #ground: IsolatedGround

  private constructor(
    test: Test,
    family: Family,
    lab: Lab,
    ground: IsolatedGround,
    state: LabState,
  ) {
    this.#test = test
    this.#ground = ground
    this.family = family
    this.lab = lab
    this.folder = lab.folders.state
    this.state = state
    this.routers = ground.routers
    this.settings = loadSettings(lab.configFile)
  }

  /** @param certs where the certificates of another world lie: they are good for both families */
  static async up(
    test: Test,
    { certs, ...options }: IsolatedOptions & { readonly certs?: string } = { family: 4 },
  ): Promise<IsolatedWorld> {
    const ground = new IsolatedGround(options)
    const folder = temporaryFolder()
    const folders = { state: folder, certs: certs ?? join(folder, 'certs') }
    const lab = new Lab({
      folders,
      ground,
      onNotice: (text) => test.comment(text),
    })
    test.teardown(async () => {
      await lab.stop(0)
      keepLogs(folder)
    })
    const state = await lab.start()
    noteSecrets(folders.certs)
    return new IsolatedWorld(test, options.family, lab, ground, state)
  }

  /** Every flow of the configuration, needed and forbidden ones. */
  get flows(): readonly Flow[] {
    return this.routers.flows
  }

  /** The lab's doublehop.yaml, with every section. */
  get config(): string {
    return this.lab.configFile
  }

  /** Where its certificates lie. */
  get certs(): string {
    return this.lab.folders.certs
  }

  address(host: LabHost): string {
    return addressOf(host, this.family)
  }

  /** What stands before a command that is to run there, such as `nsenter --net=… --`. */
  inside(place: Place): readonly string[] {
    return this.#ground.inside(place)
  }

  /** Starts a program in the namespace of a host or router. It ends with the test. */
  start(place: Place, command: readonly string[], options: ProgramOptions = {}): Program {
    const [program = '', ...args] = [...this.inside(place), ...command]
    return new Program(this.#test, program, args, options)
  }

  /** Runs a program there, to its end. @param input its standard input, which ends behind that */
  async run(
    place: Place,
    command: readonly string[],
    input: string | Uint8Array = '',
  ): Promise<Ended> {
    const program = this.start(place, command)
    program.say(input)
    program.hush()
    return await program.ended
  }

  /** Runs `doublehop …` there, to its end. It knows the lab by `--config` or `--state`, which stand in the arguments. */
  doublehop(place: Place, ...args: readonly string[]): Promise<Ended> {
    return this.run(place, [...DOUBLEHOP, ...args])
  }

  /** Starts a module there, with messages to and fro (`process.send`, `process.on('message')`). It ends with the test. */
  fork(place: Place, module: string, args: readonly string[] = []): ChildProcess {
    const [program = '', ...inside] = this.inside(place)
    const child = fork(module, args, {
      execPath: program,
      execArgv: [...inside, process.execPath],
      serialization: 'advanced',
    })
    this.#test.teardown(() => child.kill('SIGKILL'))
    return child
  }

  /** Ends a daemon, which is not started again until `restart`: something else may take its place. */
  async stop(daemon: LabDaemon): Promise<void> {
    await this.lab.daemon(daemon).stop(0)
  }

  /** Starts it again, and waits until it is ready. */
  async restart(daemon: LabDaemon): Promise<void> {
    await this.lab.daemon(daemon).start()
  }

  /** The lines a daemon has logged. */
  log(daemon: LabDaemon): readonly Readonly<Record<string, unknown>>[] {
    return readFileSync(this.lab.logFile(daemon), 'utf8')
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
  }
}
