import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fault } from '@doublehop/errors/fault'

/** Longer lines are no daemon's, and are skipped; so much of a file is in memory at once. */
const LONGEST_LINE = 65_536
/** What is kept of a source that cannot be read a second time. */
const MOST_KEPT_LINES = 20_000
const MOST_KEPT_CHARACTERS = 16 * 1024 ** 2

/** Files of logs, `-` for standard input, which are read line by line, however long they are. */
export class LogFiles {
  readonly #files: readonly string[]
  readonly #kept = new LastLines()

  /** @throws Fault DH_TRACE_LOGS for a file that cannot be read, or is compressed */
  constructor(files: readonly string[]) {
    for (const file of files) checkReadable(file)
    this.#files = [...new Set(files)]
  }

  /**
   * All lines of all files.
   *
   * @param keep which lines of a source that is gone once it was read will be wanted again
   * @throws Fault DH_TRACE_LOGS
   */
  async read(onLine: (line: string) => void, keep: (line: string) => boolean): Promise<void> {
    for (const file of this.#files) {
      const again = canBeReadAgain(file)
      await readLines(file, (line) => {
        onLine(line)
        if (!again && keep(line)) this.#kept.add(line)
      })
    }
  }

  /** The same once more: of sources that are gone, what was kept of them. @throws Fault DH_TRACE_LOGS */
  async readAgain(onLine: (line: string) => void): Promise<void> {
    for (const file of this.#files) if (canBeReadAgain(file)) await readLines(file, onLine)
    this.#kept.forEach(onLine)
  }
}

/** The logs of the lab whose state lies in this folder. @throws Fault DH_NO_LAB when there are none */
export function labLogs(state: string): string[] {
  const folder = join(state, 'logs')
  const files = existsSync(folder)
    ? readdirSync(folder).filter((name) => name.endsWith('.log'))
    : []
  if (files.length === 0) {
    const why = `there are no logs in ${folder}; name files with --logs`
    throw fault('DH_NO_LAB', { why })
  }
  return files.sort().map((name) => join(folder, name))
}

/** The last lines of what cannot be read again, up to a bound. */
class LastLines {
  #lines: string[] = []
  #characters = 0

  add(line: string): void {
    this.#lines.push(line)
    this.#characters += line.length
    if (this.#lines.length > 2 * MOST_KEPT_LINES || this.#characters > 2 * MOST_KEPT_CHARACTERS)
      this.#letGo()
  }

  forEach(onLine: (line: string) => void): void {
    for (const line of this.#lines) onLine(line)
  }

  #letGo(): void {
    this.#lines = this.#lines.slice(-MOST_KEPT_LINES)
    while (this.#lengthOf() > MOST_KEPT_CHARACTERS)
      this.#lines = this.#lines.slice(Math.ceil(this.#lines.length / 2))
    this.#characters = this.#lengthOf()
  }

  #lengthOf(): number {
    return this.#lines.reduce((sum, { length }) => sum + length, 0)
  }
}

function checkReadable(file: string): void {
  if (file === '-') return
  if (/\.(gz|xz|zst|bz2)$/.test(file))
    throw fault('DH_TRACE_LOGS', { file, why: 'it is compressed; unpack it, and pipe it in as -' })
  try {
    if (statSync(file).isDirectory())
      throw fault('DH_TRACE_LOGS', { file, why: 'it is a folder; name its files' })
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** Not a pipe: a shell hands over the output of a command as one. */
function canBeReadAgain(file: string): boolean {
  return file !== '-' && statSync(file).isFile()
}

async function readLines(file: string, onLine: (line: string) => void): Promise<void> {
  try {
    await eachLine(file === '-' ? process.stdin : createReadStream(file), onLine)
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** Hands over each line without its end; the last one may be half written. Lines that are too long are left out. */
export async function eachLine(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let begun = ''
  let isTooLong = false
  stream.setEncoding('utf8')
  for await (const chunk of stream as AsyncIterable<string>) {
    const [rest = '', ...others] = chunk.split('\n')
    begun += rest
    for (const next of others) {
      if (!isTooLong && begun.length <= LONGEST_LINE) onLine(begun)
      isTooLong = false
      begun = next
    }
    if (begun.length > LONGEST_LINE) {
      isTooLong = true
      begun = ''
    }
  }
  if (!isTooLong && begun !== '') onLine(begun)
}

function unreadable(file: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined || code.startsWith('DH_')) return error
  return fault('DH_TRACE_LOGS', { file: file === '-' ? 'standard input' : file, why: code }, error)
}
