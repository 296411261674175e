import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fault } from '@doublehop/errors/fault'
import { isMap, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { applyOverrides, fromEnvironment, type Override } from './overrides.ts'
import { type Section, type Settings, settingsSchema } from './schema.ts'

/** One thing that is wrong with a configuration file. */
export interface Problem {
  /** the file, with the line where the path is known to stand */
  readonly file: string
  /** where in it, such as `gateway.nextHops[0].address` */
  readonly path: string
  /** what was expected */
  readonly why: string
}

/** What a file says once environment and flags have overridden it, or everything that is wrong with it. */
export type Reading =
  | { readonly settings: Settings; readonly problems?: never }
  | { readonly problems: readonly [Problem, ...Problem[]] }

/**
 * Reads and checks a configuration file.
 *
 * @param overrides what flags said; they win over environment variables, and those over the file
 * @throws Fault DH_CONFIG_FILE when there is no such file
 */
export function readSettings(
  file: string,
  overrides: readonly Override[] = [],
  environment: NodeJS.ProcessEnv = process.env,
): Reading {
  const lines = new LineCounter()
  const document = parseDocument(readText(file), { lineCounter: lines })
  const [broken] = document.errors
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0])
    return { problems: [{ file: `${file}:${line}`, path: 'the file', why: broken.message.split('\n')[0] ?? '' }] }
  }
  const written: unknown = document.toJS() ?? {}
  const value = applyOverrides(written, [...fromEnvironment(environment), ...overrides])
  const parsed = settingsSchema(dirname(resolve(file))).safeParse(value)
  if (parsed.success) return { settings: parsed.data }

  const lineOf = (path: readonly PropertyKey[]): string => {
    for (let depth = path.length; depth > 0; depth--) {
      const node = isMap(document.contents) ? document.getIn(path.slice(0, depth), true) : undefined
      const range = (node as { range?: [number, number, number] } | undefined)?.range
      if (range) return `${file}:${lines.linePos(range[0]).line}`
    }
    return file
  }
  const [first, ...others] = parsed.error.issues.map((issue) => problemOf(issue, lineOf(issue.path)))
  return { problems: first === undefined ? [{ file, path: 'the file', why: 'unknown' }] : [first, ...others] }
}

/** As readSettings, for who cannot go on without. @throws Fault DH_CONFIG_FILE, DH_CONFIG */
export function loadSettings(
  file: string,
  overrides: readonly Override[] = [],
  environment: NodeJS.ProcessEnv = process.env,
): Settings {
  const { settings, problems } = { problems: undefined, settings: undefined, ...readSettings(file, overrides, environment) }
  if (settings !== undefined) return settings
  const [first] = problems
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more: doublehop config check ${file})` : ''
  throw fault('DH_CONFIG', { file: first.file, path: first.path, why: first.why + more })
}

/** The section of one daemon. @throws Fault DH_CONFIG when the file has none */
export function sectionOf<S extends Section>(settings: Settings, section: S, file: string): NonNullable<Settings[S]> {
  const found = settings[section]
  if (found === undefined) throw fault('DH_CONFIG', { file, path: section, why: 'the section is missing' })
  return found as NonNullable<Settings[S]>
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw fault('DH_CONFIG_FILE', { file, why: (error as NodeJS.ErrnoException).code ?? 'unreadable' }, error)
  }
}

function problemOf(issue: z.core.$ZodIssue, file: string): Problem {
  return { file, path: pathText(issue.path), why: issue.message.replace(/^Invalid input: /, '') }
}

/** `gateway.nextHops[0].address` */
function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  return text === '' ? 'the file' : text.replace(/^\./, '')
}
