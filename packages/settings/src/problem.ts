import type { z } from 'zod'
import { schemaAt, settableKeys } from './keys.ts'
import { nearest } from './nearest.ts'

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** where it was said: the file, with the line if it is known, an environment variable, or --set */
  readonly file: string
  /** which setting, such as `gateway.nextHops[0].address` */
  readonly path: string
  /** what was expected */
  readonly why: string
}

/** Twice as deep as any setting lies. */
const DEEPEST_PATH = 12

/** `gateway.nextHops[0].address`; a key that is no plain word stands in quotes, and no path is endless. */
export function pathText(path: readonly PropertyKey[]): string {
  const more = path.length > DEEPEST_PATH ? '…' : ''
  const text = path.slice(0, DEEPEST_PATH).map(partText).join('') + more
  return text === '' ? 'the file' : text.replace(/^\./, '')
}

function partText(part: PropertyKey): string {
  if (typeof part === 'number') return `[${part}]`
  const name = String(part)
  if (/^[\w-]{1,64}$/.test(name)) return `.${name}`
  return `[${JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)}]`
}

/** What to say about a key that no schema knows, with the one that was probably meant. */
export function unknownKey(group: readonly PropertyKey[], key: string): string {
  const near = nearest(key, Object.keys(schemaAt(group)?.properties ?? {}))
  if (near !== undefined) return `no such key; did you mean ${near}?`
  const elsewhere = settableKeys().find(
    ({ path }) => path.length > 1 && path[0] === group[0] && path.at(-1) === key,
  )
  return elsewhere === undefined
    ? 'no such key'
    : `no such key here; did you mean ${elsewhere.path.join('.')}?`
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of keys',
}

/** The words for what the schema found, as an engineer who writes YAML would put them. */
export function explain(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${KINDS[issue.expected] ?? issue.expected}${butFound(issue.expected, issue.input)}`
    case 'invalid_value':
      return `expected ${issue.values.map(String).join(' or ')}`
    case 'too_small':
      return `expected ${issue.minimum} or more${unitOf(issue.origin)}`
    case 'too_big':
      return `expected ${issue.maximum} or less${unitOf(issue.origin)}`
  }
  return undefined
}

function butFound(expected: string, input: unknown): string {
  if (input === undefined || (expected === 'int' && typeof input === 'number')) return ''
  if (input === null) return ', but nothing stands here'
  return `, not ${Array.isArray(input) ? 'a list' : (KINDS[typeof input] ?? typeof input)}`
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters'
  return origin === 'array' ? ' entries' : ''
}
