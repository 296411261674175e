import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { fault } from '@doublehop/errors/fault'

/**
 * A file that lines are appended to, each before the daemon goes on. A line that it cannot take is lost, and standard
 * error is told: a full disk ends no session.
 */
export class LogFile {
  readonly #file: string
  readonly #path: string
  #fd: number
  #lost = 0
  #isCut = false

  /**
   * @param path where the file stands in the configuration, for errors
   * @throws Fault DH_CONFIG when it cannot be opened
   */
  constructor(file: string, path: string) {
    this.#file = file
    this.#path = path
    this.#fd = this.#open()
  }

  /** Never throws. @param line ends with a line end */
  write(line: string): void {
    try {
      // What was cut off would spoil this line too.
      this.#append(this.#isCut ? `\n${line}` : line)
      if (this.#lost > 0) tell(`${this.#file} is written again, ${this.#lost} lines were lost`)
      this.#lost = 0
    } catch (error) {
      if (this.#lost++ > 0) return
      const { code } = error as NodeJS.ErrnoException
      tell(`${this.#file} cannot be written (${code}), its lines are lost until it can`)
    }
  }

  /** Opens it anew under its name: whoever moved it away has it to itself. @throws Fault DH_CONFIG, and stays as it was */
  reopen(): void {
    const former = this.#fd
    this.#fd = this.#open()
    this.#isCut = false
    closeSync(former)
  }

  #open(): number {
    try {
      mkdirSync(dirname(this.#file), { recursive: true })
      return openSync(this.#file, 'a', 0o640)
    } catch (error) {
      const why = (error as Error).message
      throw fault('DH_CONFIG', { file: this.#file, path: this.#path, why }, error)
    }
  }

  #append(text: string): void {
    let rest: Uint8Array = Buffer.from(text)
    while (rest.length > 0) {
      rest = rest.subarray(writeSync(this.#fd, rest))
      this.#isCut = rest.length > 0
    }
  }
}

function tell(what: string): void {
  try {
    writeSync(2, `doublehop: ${what}\n`)
  } catch {
    // Nobody is left to be told.
  }
}
