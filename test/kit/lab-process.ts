import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Program } from './foreign.ts'
import { temporaryFolder } from './house.ts'
import { noteSecrets } from './secrets.ts'

/** What `doublehop up --json` tells of itself, as far as tests need it. */
export interface LabState {
  readonly gateway: { readonly host: string; readonly port: number }
  readonly ca: string
  readonly token: string
}

const COMMAND = join(import.meta.dirname, '../../packages/cli/bin/doublehop.mjs')

/** `doublehop …` as a process of its own. It ends with the test. */
function doublehop(test: Test, args: readonly string[]): Program {
  return new Program(test, process.execPath, [COMMAND, ...args])
}

/** `doublehop up`: a whole lab of processes on free ports, which ends with the test. */
export class LabProcess {
  readonly folder: string
  readonly state: LabState
  readonly #test: Test

  private constructor(test: Test, folder: string, state: LabState) {
    this.#test = test
    this.folder = folder
    this.state = state
  }

  /** @param apps real servers behind it, as `NAME=address:port` */
  static async up(test: Test, apps: readonly string[] = []): Promise<LabProcess> {
    const folder = temporaryFolder()
    const where = ['--state', folder, '--certs', join(folder, 'certs')]
    test.teardown(() => keepLogs(folder))
    const up = doublehop(test, [
      'up',
      '--ephemeral',
      '--json',
      ...where,
      ...apps.flatMap((app) => ['--app', app]),
    ])
    const state = JSON.parse(String(await up.readThrough('\n'))) as LabState
    noteSecrets(join(folder, 'certs'))
    return new LabProcess(test, folder, state)
  }

  /** `doublehop forward`: a local port that leads to this app. @returns the port */
  async forward(app: string, port: '2598' | '1494' = '2598'): Promise<number> {
    const args = ['--app', app, '--port', port, '--listen', '0', '--json', '--state', this.folder]
    const forward = doublehop(this.#test, ['forward', ...args])
    const { listen } = JSON.parse(String(await forward.readThrough('\n'))) as { listen: string }
    return Number(listen.split(':')[1])
  }
}

function keepLogs(folder: string): void {
  const output = process.env.DOUBLEHOP_TEST_OUTPUT
  const logs = join(folder, 'logs')
  if (output !== undefined && existsSync(logs))
    cpSync(logs, join(output, `${process.pid}.lab`), { recursive: true })
}
