import { fault } from '@doublehop/errors/fault'
import { jsonSchema } from './schema.ts'

/** One value that replaces what the file says: `gateway.listen` → `0.0.0.0:443`. */
export interface Override {
  readonly path: readonly string[]
  readonly value: unknown
}

/** Reads `gateway.listen=0.0.0.0:443`, the form of the flag --set; lists and numbers as JSON. @throws Fault DH_USAGE */
export function parseOverride(text: string): Override {
  const equals = text.indexOf('=')
  const path = text.slice(0, Math.max(0, equals)).split('.')
  if (equals < 1 || path.some((part) => !/^[A-Za-z][A-Za-z0-9]*$/.test(part))) {
    throw fault('DH_USAGE', { why: `--set wants path=value, such as gateway.listen=0.0.0.0:443, not ${text}` })
  }
  return { path, value: valueOf(text.slice(equals + 1)) }
}

/** What the environment overrides: `DOUBLEHOP_GATEWAY_LISTEN` is gateway.listen, `…_REDEEM_AT` gateway.redeemAt. */
export function fromEnvironment(environment: NodeJS.ProcessEnv): Override[] {
  const set = Object.keys(environment).filter((name) => /^DOUBLEHOP_(GATEWAY|PROXY|STOREFRONT|STA|VDA|WORKSPACE)_/.test(name))
  if (set.length === 0) return []
  return paths(jsonSchema() as Schema, []).flatMap((path) => {
    const value = environment[variableName(path)]
    return value === undefined ? [] : [{ path, value: valueOf(value) }]
  })
}

/** The environment variable that overrides the value at this path. */
export function variableName(path: readonly string[]): string {
  return ['DOUBLEHOP', ...path].map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()).join('_')
}

/** A copy of what the file says, with the overrides in place. */
export function applyOverrides(written: unknown, overrides: readonly Override[]): unknown {
  const whole = structuredClone(written)
  if (!isObject(whole)) return whole
  for (const { path, value } of overrides) {
    let at: Record<string, unknown> = whole
    for (const part of path.slice(0, -1)) {
      const below = Object.hasOwn(at, part) ? at[part] : undefined
      at = isObject(below) ? below : ((at[part] = {}) as Record<string, unknown>)
    }
    at[path.at(-1) ?? ''] = value
  }
  return whole
}

/** A number, boolean or list is written as JSON; everything else is text as it stands. */
function valueOf(text: string): unknown {
  if (!/^(\[.*\]|\{.*\}|true|false|\d+)$/s.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
}

/** The paths of every value the schema knows, but not of what stands inside lists. */
function paths(schema: Schema, above: readonly string[]): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, below]) => {
    const path = [...above, key]
    return below.properties === undefined ? [path] : paths(below, path)
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
