import { jsonSchema } from './schema.ts'

/** What the schema says about one key, as far as it is needed to list keys and read values. */
export interface KeySchema {
  readonly type?: string
  readonly title?: string
  readonly description?: string
  /** a reload cannot change it */
  readonly 'x-restart'?: boolean
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: KeySchema
  readonly properties?: Readonly<Record<string, KeySchema>>
  readonly required?: readonly string[]
}

/** A place that holds a value of its own: no group of keys, and nothing inside a list. */
export interface Key {
  readonly path: readonly string[]
  readonly schema: KeySchema
}

let whole: KeySchema | undefined

/** The schema of the whole file. */
export function schemaTree(): KeySchema {
  whole ??= jsonSchema() as KeySchema
  return whole
}

let settable: readonly Key[] | undefined

/** Every key that one override can set. Lists are set as a whole. */
export function settableKeys(): readonly Key[] {
  settable ??= leaves(schemaTree(), [])
  return settable
}

/** The schema at a path, numbers and names alike; undefined where the schema knows nothing. */
export function schemaAt(path: readonly PropertyKey[]): KeySchema | undefined {
  let at: KeySchema | undefined = schemaTree()
  for (const part of path) {
    if (typeof part === 'number') at = at?.items
    else if (typeof part === 'string' && Object.hasOwn(at?.properties ?? {}, part))
      at = at?.properties?.[part]
    else return
  }
  return at
}

function leaves(schema: KeySchema, above: readonly string[]): Key[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, below]) => {
    const path = [...above, name]
    return below.properties === undefined ? [{ path, schema: below }] : leaves(below, path)
  })
}
