import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Program } from './foreign.ts'
import type { House } from './house.ts'

/** A daemon of ours as a process of its own. */
export interface DaemonProcess {
  readonly program: Program
  /** `address:port` of one of its listeners */
  where(listener?: string): string
}

/** Starts one with exactly this section of `doublehop.yaml`, and waits until it is ready. It ends with the test. */
export async function startProcess(
  test: Test,
  house: House,
  kind: string,
  name: string,
  section: object,
): Promise<DaemonProcess> {
  const file = join(house.folder, `${name}.yaml`)
  writeFileSync(file, JSON.stringify({ [kind]: { name, ...section } }))
  const bin = join(import.meta.dirname, `../../packages/${kind}/bin/doublehop-${kind}.ts`)
  const program = new Program(test, process.execPath, [bin, '--config', file], { logged: true })
  await program.says(/"event":"ready".*\n/)
  const at = linesOf(program).find(({ event }) => event === 'ready')?.at as Record<string, string>
  return { program, where: (listener = 'listen') => at[listener] ?? '' }
}

/** What it has logged so far. */
export function linesOf({ stdout }: Program): Record<string, unknown>[] {
  const whole = String(stdout).split('\n').slice(0, -1)
  return whole.map((line) => JSON.parse(line) as Record<string, unknown>)
}
