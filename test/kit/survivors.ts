import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

/** An environment variable that all descendants of a process inherit, so that each of them can be told. */
export class Mark {
  readonly env: Readonly<Record<string, string>>
  readonly #text: string

  constructor() {
    const value = randomUUID()
    this.env = { DOUBLEHOP_TEST_MARK: value }
    this.#text = `DOUBLEHOP_TEST_MARK=${value}`
  }

  /** What is left of them, each with what it runs. */
  get survivors(): string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        if (!(read(pid, 'environ') ?? '').includes(this.#text)) return []
        return [`${pid} ${(read(pid, 'cmdline') ?? '').replaceAll('\0', ' ').slice(0, 100)}`]
      })
  }
}

/** Undefined for a process that has gone meanwhile. */
function read(pid: string, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return undefined
  }
}
