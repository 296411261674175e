import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Program } from './foreign.ts'
import type { House } from './house.ts'
import { doublehop } from './lab.ts'
import { until } from './wait.ts'

/** A daemon of ours as a process of its own. */
export interface DaemonProcess {
  readonly program: Program
  /** `address:port` by listener */
  readonly at: Readonly<Record<string, string>>
  /** `address:port` of one of its listeners */
  readonly where: (listener?: string) => string
  /** Writes its file anew, sends it SIGHUP, and waits until it has taken that or not: `reloaded` or `reload-refused`. */
  readonly reload: (section: object) => Promise<string>
}

/** How a daemon is started: by its own command, or as `doublehop gateway`. */
export type Way = 'its own command' | 'doublehop'

/** Starts one with exactly this section of `doublehop.yaml`, and waits until it is ready. It ends with the test. */
export async function startProcess(
  test: Test,
  house: House,
  kind: string,
  name: string,
  section: object,
  way: Way = 'its own command',
): Promise<DaemonProcess> {
  const file = join(house.folder, `${name}.yaml`)
  const write = (section: object): void =>
    writeFileSync(file, JSON.stringify({ [kind]: { name, ...section } }))
  write(section)
  const args = ['--config', file]
  const program =
    way === 'doublehop'
      ? doublehop(test, [kind, ...args], { logged: true })
      : runBin(test, kind, args)
  await program.says(/"event":"ready".*\n/)
  const at = linesOf(program).find(({ event }) => event === 'ready')?.at as Record<string, string>
  const answers = (): string[] =>
    linesOf(program).flatMap(({ event }) =>
      event === 'reloaded' || event === 'reload-refused' ? [event] : [],
    )
  return {
    program,
    at,
    where: (listener = 'listen') => at[listener] ?? '',
    async reload(changed) {
      const before = answers().length
      write(changed)
      program.signal('SIGHUP')
      return (await until(answers, (all) => all.length > before))[before] ?? ''
    },
  }
}

/** A daemon's own command: `doublehop-gateway …`. */
export function runBin(test: Test, kind: string, args: readonly string[]): Program {
  const bin = join(import.meta.dirname, `../../packages/${kind}/bin/doublehop-${kind}.ts`)
  return new Program(test, process.execPath, [bin, ...args], { logged: true })
}

/** What it has logged so far. */
export function linesOf(program: Program): Record<string, unknown>[] {
  return allLinesOf(program).filter(({ audit }) => audit !== true)
}

/** What it has written to its audit log so far. */
export function auditOf(program: Program): Record<string, unknown>[] {
  return allLinesOf(program).filter(({ audit }) => audit === true)
}

function allLinesOf({ stdout }: Program): Record<string, unknown>[] {
  const whole = String(stdout).split('\n').slice(0, -1)
  return whole.map((line) => JSON.parse(line) as Record<string, unknown>)
}
