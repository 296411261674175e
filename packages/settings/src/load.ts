import { dirname, resolve } from 'node:path'
import { fault } from '@doublehop/errors/fault'
import type { z } from 'zod'
import { readYaml, type Written } from './document.ts'
import { readEnvironment } from './environment.ts'
import { applyOverrides, isGroup, type Override } from './overrides.ts'
import { explain, type Problem, pathText, unknownKey } from './problem.ts'
import { checkedSettings, type Section, type Settings } from './schema.ts'

export type { Problem } from './problem.ts'

/** What a file says once environment and flags have overridden it, or everything that is wrong with it. */
export type Reading =
  | { readonly settings: Settings; readonly problems?: never }
  | { readonly settings?: never; readonly problems: readonly [Problem, ...Problem[]] }

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
  const { written, problems } = readYaml(file)
  if (written === undefined) return { problems: printable(problems) }
  const inFile = written.value ?? {}
  const variables = readEnvironment(environment, applyOverrides(inFile, overrides))
  const all = [...variables.overrides, ...overrides]
  const value = applyOverrides(inFile, all)
  const parsed = checkedSettings(dirname(resolve(file))).safeParse(value, { error: explain })
  if (parsed.success && variables.problems.length === 0) return { settings: parsed.data }

  const issues = parsed.error?.issues ?? []
  // A mistyped key is missing under its right name too: the slip is told first.
  const slipsFirst = [
    ...issues.filter(isUnknownKey),
    ...issues.filter((issue) => !isUnknownKey(issue)),
  ]
  const inValue = slipsFirst.flatMap((issue) => problemsOf(issue, value, placing(written, all)))
  return { problems: printable([...variables.problems, ...inValue]) }
}

/** As readSettings, for who cannot go on without. @throws Fault DH_CONFIG_FILE, DH_CONFIG */
export function loadSettings(
  file: string,
  overrides: readonly Override[] = [],
  environment: NodeJS.ProcessEnv = process.env,
): Settings {
  const { settings, problems } = readSettings(file, overrides, environment)
  if (settings !== undefined) return settings
  const [first] = problems
  const more =
    problems.length > 1 ? ` (and ${problems.length - 1} more: doublehop config check ${file})` : ''
  throw fault('DH_CONFIG', { file: first.file, path: first.path, why: first.why + more })
}

/** The section of one daemon. @throws Fault DH_CONFIG when the file has none */
export function sectionOf<S extends Section>(
  settings: Settings,
  section: S,
  file: string,
): NonNullable<Settings[S]> {
  const found = settings[section]
  if (found === undefined)
    throw fault('DH_CONFIG', { file, path: section, why: 'the section is missing' })
  return found as NonNullable<Settings[S]>
}

/** What stands in a file may stand in a problem: nothing that moves a cursor, and never much of it. */
function printable(problems: readonly Problem[]): [Problem, ...Problem[]] {
  const plain = (text: string) => text.replace(/\p{Cc}/gu, '\u00b7').slice(0, 300)
  return problems.map((problem) => ({ ...problem, why: plain(problem.why) })) as [
    Problem,
    ...Problem[],
  ]
}

/** Tells where the value at a path was said: by an override, or in the file. */
type Placing = (path: readonly PropertyKey[]) => { from?: string; file: string }

/**
 * Who overrides a value answers for it, for the groups that only the override makes, and for whatever else a
 * section lacks that only overrides speak of. All else is the file's.
 */
function placing({ value, placeOf }: Written, overrides: readonly Override[]): Placing {
  const sections = new Set(Object.keys(value ?? {}))
  return (path) => {
    const covers = (override: Override) => isWithin(path, override.path)
    const makes = (override: Override) =>
      isWithin(override.path, path) && !isGroup(valueAt(value, path))
    const begins = (override: Override) =>
      override.path[0] === path[0] && !sections.has(String(path[0]))
    const by = overrides.findLast(covers) ?? overrides.findLast(makes) ?? overrides.findLast(begins)
    return by?.from === undefined ? { file: placeOf(path) } : { from: by.from, file: by.from }
  }
}

function isWithin(path: readonly PropertyKey[], above: readonly PropertyKey[]): boolean {
  return above.every((part, index) => part === path[index])
}

function isUnknownKey(issue: z.core.$ZodIssue): issue is z.core.$ZodIssueUnrecognizedKeys {
  return issue.code === 'unrecognized_keys'
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown, place: Placing): Problem[] {
  if (isUnknownKey(issue)) {
    return issue.keys.map((key) => {
      const path = [...issue.path, key]
      return { file: place(path).file, path: pathText(path), why: unknownKey(issue.path, key) }
    })
  }
  const { file, from } = place(issue.path)
  const missing = issue.code !== 'custom' && valueAt(value, issue.path) === undefined
  const list = issue.code === 'invalid_type' && issue.expected === 'array' && from !== undefined
  const hint = list && !missing ? '; write it as JSON: ["…", "…"]' : ''
  const why = `${missing ? 'missing: ' : ''}${issue.message}${hint}`
  return [{ file, path: pathText(issue.path), why }]
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, part) => (at as Record<PropertyKey, unknown> | undefined | null)?.[part],
    value,
  )
}
