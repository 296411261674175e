import { type KeySchema, schemaAt } from './keys.ts'
import { pathText } from './problem.ts'
import type { Section, Settings } from './schema.ts'

/** The first key of a section that has changed and wants a restart, such as `gateway.listen`; undefined if none has. */
export function changedForRestart<S extends Section>(
  section: S,
  before: Settings[S],
  after: Settings[S],
): string | undefined {
  const changed = fixedKeys(schemaAt([section]) ?? {}, []).find(
    (path) => textAt(before, path) !== textAt(after, path),
  )
  return changed && pathText([section, ...changed])
}

function fixedKeys(schema: KeySchema, path: readonly string[]): (readonly string[])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, below]) => {
    const here = [...path, name]
    return below['x-restart'] === true ? [here] : fixedKeys(below, here)
  })
}

function textAt(value: unknown, path: readonly string[]): string | undefined {
  const found = path.reduce<unknown>(
    (at, key) => (at as Record<string, unknown> | undefined)?.[key],
    value,
  )
  return JSON.stringify(found)
}
