import { fault } from '@doublehop/errors/fault'
import { type KeySchema, schemaAt } from './keys.ts'

/** One value that replaces what the file says: `gateway.listen` → `0.0.0.0:443`. */
export interface Override {
  readonly path: readonly string[]
  readonly value: unknown
  /** who says so, for messages: an environment variable or a flag */
  readonly from?: string
}

/** Reads `gateway.listen=0.0.0.0:443`, the form of the flag --set; lists as JSON. @throws Fault DH_USAGE */
export function parseOverride(text: string): Override {
  const equals = text.indexOf('=')
  // What stands behind the sign may be meant to be secret.
  const name = equals < 0 ? text : text.slice(0, equals)
  const path = name.split('.')
  if (equals < 1 || path.some((part) => !/^[A-Za-z][A-Za-z0-9]*$/.test(part))) {
    throw fault('DH_USAGE', {
      why: `--set wants path=value, such as gateway.listen=0.0.0.0:443, not ${name}`,
    })
  }
  return { path, value: typedValue(text.slice(equals + 1), schemaAt(path)), from: '--set' }
}

/** A copy of what the file says, with the overrides in place; the last one of a path wins. */
export function applyOverrides(written: unknown, overrides: readonly Override[]): unknown {
  if (!isGroup(written)) return written
  return overrides.reduce<unknown>(
    (whole, { path, value }) => replaced(whole, path, value),
    written,
  )
}

/** Text that somebody typed, as the value the schema wants there: text as it stands, all else as JSON. */
export function typedValue(text: string, schema: KeySchema | undefined): unknown {
  if (schema?.type === 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Copies each group on the way: two sections may share one through a YAML alias, and only one is meant. */
function replaced(
  group: unknown,
  [key = '', ...below]: readonly string[],
  value: unknown,
): unknown {
  const keys = isGroup(group) ? group : {}
  const inside =
    below.length === 0
      ? value
      : replaced(Object.hasOwn(keys, key) ? keys[key] : undefined, below, value)
  return Object.fromEntries([...Object.entries(keys), [key, inside]])
}

/** A YAML mapping: neither a list nor nothing. */
export function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
