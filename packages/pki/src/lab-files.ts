import {
  chmodSync,
  closeSync,
  fchmodSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** Who may read a file: its owner alone, or everybody. */
export const SECRET = 0o600
export const PUBLIC = 0o644

/** The files of the lab's folder, which keep account of what was made and what was there. */
export class LabFiles {
  readonly #root: string
  readonly made: string[] = []
  readonly kept: string[] = []

  constructor(root: string) {
    this.#root = root
  }

  /** Makes a folder that only its owner can enter, or takes it away from everybody else. */
  folder(name: string): void {
    const path = join(this.#root, name)
    mkdirSync(path, { recursive: true, mode: 0o700 })
    setMode(path, 0o700)
  }

  /** The text of a file without the end of its last line; undefined if there is no such file. */
  read(name: string): string | undefined {
    try {
      return readFileSync(join(this.#root, name), 'utf8').trimEnd()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** Leaves the file as it is, but for a mode somebody may have loosened. */
  keep(name: string, mode: number): void {
    setMode(join(this.#root, name), mode)
    this.kept.push(name)
  }

  /**
   * Writes the file whole or not at all. It is born readable by its owner alone and gets its mode
   * and its name when it is complete, so a key is never in anybody else's sight.
   */
  make(name: string, text: string, mode: number): void {
    const path = join(this.#root, name)
    const unfinished = `${path}.new`
    rmSync(unfinished, { force: true }) // left behind by a run that was killed
    const file = openSync(unfinished, 'wx', SECRET)
    try {
      writeFileSync(file, `${text.trimEnd()}\n`)
      fchmodSync(file, mode)
    } finally {
      closeSync(file)
    }
    renameSync(unfinished, path)
    this.made.push(name)
  }
}

function setMode(path: string, mode: number): void {
  if ((statSync(path).mode & 0o777) !== mode) chmodSync(path, mode)
}
