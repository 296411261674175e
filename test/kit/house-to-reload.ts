import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { auditOf, linesOf } from './daemon-process.ts'
import type { Kind, Running } from './house.ts'
import { HouseOfProcesses } from './house-of-processes.ts'
import { until } from './wait.ts'

type Line = Record<string, unknown>

/** A house whose daemons change while they run: processes by SIGHUP, those inside the test by the same call. */
export class HouseToReload extends HouseOfProcesses {
  readonly #sections = new Map<Kind, Readonly<Record<string, unknown>>>()
  readonly #running = new Map<Kind, Running>()

  override async start<K extends Kind>(
    kind: K,
    section: object,
    name: string = kind,
  ): Promise<Running> {
    const running = await super.start(kind, section, name)
    if (name === kind) {
      this.#sections.set(kind, { ...section })
      this.#running.set(kind, running)
    }
    return running
  }

  /** The section of a daemon, with these keys changed; limits that are not named stay. */
  section(kind: Kind, changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const section = this.#sections.get(kind) ?? {}
    const limits = { ...(section.limits as object), ...(changes.limits as object) }
    return { ...section, ...changes, ...('limits' in changes && { limits }) }
  }

  /** Changes these keys of a daemon, for good. */
  async change(kind: Kind, changes: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const section = this.section(kind, changes)
    await this.#running.get(kind)?.reload(section)
    this.#sections.set(kind, section)
  }

  /** Gives the process of a daemon this file, hangs up, and tells in which line it says what it made of that. */
  async hangUp(kind: Kind, text: string): Promise<Line> {
    const program = this.program(kind)
    const answers = (): Line[] =>
      linesOf(program).filter(({ event }) => event === 'reloaded' || event === 'reload-refused')
    const before = answers().length
    this.write(kind, text)
    program.signal('SIGHUP')
    const all = await until(answers, ({ length }) => length > before)
    return all[before] ?? {}
  }

  /** Writes the file of a daemon, whole or not at all: it may be reading it. */
  write(kind: Kind, text: string): void {
    const file = join(this.folder, `${kind}.yaml`)
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }

  /** The file as it was taken last, with these changes. */
  textOf(kind: Kind, changes: Readonly<Record<string, unknown>> = {}): string {
    return JSON.stringify({ [kind]: { name: kind, ...this.section(kind, changes) } })
  }

  /** Audit lines of a process about its configuration. */
  audited(kind: Kind): Line[] {
    return auditOf(this.program(kind)).filter(({ event }) =>
      String(event).startsWith('configuration-'),
    )
  }
}
