import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Metrics } from '@doublehop/daemon/metrics'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { type Ended, type Program, start } from './foreign.ts'
import { freePort } from './free-port.ts'
import { House, type Kind, type Running } from './house.ts'

/** The command line of a daemon of this kind that reads this file. */
export type CommandOf = (kind: string, file: string) => readonly string[]

const PACKAGES = join(import.meta.dirname, '../../packages')
const DOUBLEHOP = join(PACKAGES, 'cli/bin/doublehop.mjs')

export const OWN_COMMAND: CommandOf = (kind, file) => [
  process.execPath,
  join(PACKAGES, kind, `bin/doublehop-${kind}.ts`),
  ...['--config', file],
]

export const DOUBLEHOP_COMMAND: CommandOf = (kind, file) => [
  ...[process.execPath, DOUBLEHOP, kind, '--config', file],
]

/** As an older Node would run it, which hands over to the one that came with the packages. */
export const OLDER_NODE: CommandOf = (kind, file) => {
  const older = "Object.defineProperty(process, 'versions', { value: { node: '24.0.0' } })"
  const pretend = ['--import', `data:text/javascript,${encodeURIComponent(older)}`]
  return [process.execPath, ...pretend, DOUBLEHOP, kind, '--config', file]
}

/**
 * Runs what it is given again and again, as a service manager does: the socket stays open meanwhile, and is handed to
 * each process under its own id.
 */
const AGAIN = `while :; do
  sh -c 'echo "begins as $$"; LISTEN_PID=$$ exec "$@"' sh "$@"
  echo "ended with $?"
done`

export const RESTARTED: CommandOf = (kind, file) => [
  ...['sh', '-c', AGAIN, 'sh', ...OWN_COMMAND(kind, file)],
]

/** A house in which some daemons are started by systemd-socket-activate, when somebody first connects. */
export class ActivatedHouse extends House {
  readonly #test: Test
  readonly #commands: { readonly [K in Kind]?: CommandOf }
  readonly #programs = new Map<Kind, Program>()

  constructor(test: Test, commands: { readonly [K in Kind]?: CommandOf }) {
    super(test)
    this.#test = test
    this.#commands = commands
  }

  /** The process of a daemon: of systemd-socket-activate until it is the daemon itself. */
  program(kind: Kind): Program {
    const program = this.#programs.get(kind)
    if (program === undefined) throw new Error(`the ${kind} is not activated`)
    return program
  }

  override async start<K extends Kind>(
    kind: K,
    section: object,
    name: string = kind,
    zones: object = {},
  ): Promise<Running> {
    const command = this.#commands[kind]
    if (command === undefined) return await super.start(kind, section, name, zones)
    const file = join(this.folder, `${name}.yaml`)
    writeFileSync(file, JSON.stringify({ zones, [kind]: { name, ...section } }))
    const at = { host: '127.0.0.1', port: await freePort() }
    const program = activated(this.#test, [at], command(kind, file), {
      leads: command === RESTARTED,
    })
    this.#programs.set(kind, program)
    await program.says(/Listening on /)
    const stop = (): Promise<Ended> => program.stop()
    return {
      at: { listen: at },
      // It counts in its own process.
      metrics: new Metrics(),
      where: () => `${at.host}:${at.port}`,
      reload: async () => program.signal('SIGHUP'),
      drain: async () => (await stop()).code === 0,
      close: async () => void (await stop()),
    }
  }
}

/**
 * systemd-socket-activate, which opens these sockets and becomes this command when somebody connects.
 *
 * @param names of the sockets
 * @param leads whether the command has children that outlive it
 */
export function activated(
  test: Test,
  sockets: readonly Endpoint[],
  command: readonly string[],
  { names = [], leads = false }: { names?: readonly string[]; leads?: boolean } = {},
): Program {
  const listen = sockets.flatMap(({ host, port }) => ['-l', `${host}:${port}`])
  const named = names.length > 0 ? [`--fdname=${names.join(':')}`] : []
  const args = [...listen, ...named, ...command]
  return start(test, 'systemd-socket-activate', args, { logged: true, leads })
}
