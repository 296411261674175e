import { resolve } from 'node:path'
import { fault } from '@doublehop/errors/fault'
import { z } from 'zod'
import { readBounded } from './bounded-file.ts'

/** Far more than any key or token; of an endless file no more than this is read. */
const LARGEST = 64 * 1024

const EXPECTED = 'expected file:PATH or env:NAME, never the secret itself'

/** A value that never stands in the configuration itself, only where to find it. Masked wherever it is printed. */
export class Secret {
  /** as written: `file:PATH` or `env:NAME` */
  readonly source: string
  readonly #folder: string

  constructor(source: string, folder: string) {
    this.source = source
    this.#folder = folder
  }

  /** Reads it, without a trailing line end. @param path where it stands in the configuration @throws Fault DH_CONFIG_SECRET */
  reveal(path: string): string {
    const value = this.source.startsWith('env:') ? this.#fromEnvironment() : this.#fromFile(path)
    if (value === undefined || value === '') {
      throw fault('DH_CONFIG_SECRET', { path, source: this.source, why: 'it is empty or not set' })
    }
    return value
  }

  #fromEnvironment(): string | undefined {
    return process.env[this.source.slice('env:'.length)]
  }

  #fromFile(path: string): string {
    let bytes: Buffer | undefined
    try {
      bytes = readBounded(resolve(this.#folder, this.source.slice('file:'.length)), LARGEST)
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? 'unreadable'
      throw fault('DH_CONFIG_SECRET', { path, source: this.source, why }, error)
    }
    if (bytes !== undefined) return bytes.toString('utf8').replace(/\r?\n$/, '')
    throw fault('DH_CONFIG_SECRET', { path, source: this.source, why: 'it is longer than 64 KiB' })
  }

  toString(): string {
    return `[secret from ${this.source}]`
  }

  toJSON(): string {
    return this.toString()
  }
}

/** `file:PATH` (beside the configuration file, if relative) or `env:NAME`. */
export function secret(folder: string) {
  return z
    .string(EXPECTED)
    .regex(/^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$/, EXPECTED)
    .transform((source) => new Secret(source, folder))
    .meta({ title: 'secret' })
}
