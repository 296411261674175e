import { fault } from '@doublehop/errors/fault'
import {
  type Document,
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml'
import { readBounded } from './bounded-file.ts'
import { inspectNodes, keyOf, offsetOf, type Place } from './nodes.ts'
import type { Problem } from './problem.ts'

/** A configuration of a thousand published apps is a tenth of this. */
const LARGEST = 1024 ** 2

/** What a YAML file says, and where. */
export interface Written {
  readonly value: unknown
  /** `file:line` of the key or list entry at this path, or of the nearest above it that is written */
  readonly placeOf: (path: readonly PropertyKey[]) => string
}

/** A YAML file, or what keeps it from being read as YAML. */
export type YamlReading =
  | { readonly written: Written; readonly problems?: never }
  | { readonly written?: never; readonly problems: readonly [Problem, ...Problem[]] }

/** Reads a file of YAML 1.2. @throws Fault DH_CONFIG_FILE when there is no such file */
export function readYaml(file: string): YamlReading {
  const bytes = readBytes(file)
  if (bytes === undefined) return failed(file, `it is larger than ${LARGEST / 1024 ** 2} MiB`)
  const text = decode(bytes)
  if (text === undefined) return failed(file, 'it is not UTF-8 text')
  try {
    return parse(file, text)
  } catch (error) {
    return failed(file, reason(error))
  }
}

function parse(file: string, text: string): YamlReading {
  const lines = new LineCounter()
  const options = {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false,
  } as const
  const document = parseDocument(text, options)
  const place = (offset: number | undefined) =>
    offset === undefined ? file : `${file}:${lines.linePos(offset).line}`

  // A warning is about something that would be read otherwise than it is meant, such as an unknown !tag.
  const [broken] = [...document.errors, ...document.warnings]
  if (broken !== undefined) {
    const [offset] = broken.pos
    return failed(place(offset), syntax(broken.code, broken.message, lineAround(text, offset)))
  }
  const { explicit, version } = document.directives?.yaml ?? {}
  if (explicit && version !== '1.2')
    return failed(file, `it asks for YAML ${version}; YAML 1.2 is read here`)

  const { problems, isBomb } = inspectNodes(document.contents, place)
  const [first, ...others] = problems
  if (first !== undefined) return { problems: [first, ...others] }
  if (isBomb) return failed(file, 'its aliases (*name) multiply to more than is read here')
  const value: unknown = document.toJS({ maxAliasCount: -1 })
  return { written: { value, placeOf: placesIn(document, place) } }
}

function failed(file: string, why: string): YamlReading {
  return { problems: [{ file, path: 'the file', why }] }
}

function readBytes(file: string): Buffer | undefined {
  try {
    return readBounded(file, LARGEST)
  } catch (error) {
    throw fault(
      'DH_CONFIG_FILE',
      { file, why: (error as NodeJS.ErrnoException).code ?? 'unreadable' },
      error,
    )
  }
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function syntax(code: string, message: string, line: string): string {
  if (code === 'RESOURCE_EXHAUSTION') return 'it is nested too deeply'
  if (code === 'NON_STRING_KEY') return 'a key is expected to be text, not a group, list or alias'
  if (code === 'MULTIPLE_DOCS') return 'a second YAML document begins here; one is expected'
  if (/(^|[\s,[{])\[[0-9a-f.]*:[0-9a-f:.]*\]:\d/i.test(line)) {
    return 'an IPv6 address in brackets needs quotes, such as "[2001:db8::1]:443"'
  }
  return message
}

function reason(error: unknown): string {
  if (error instanceof RangeError) return 'it is nested too deeply'
  return error instanceof Error ? error.message : String(error)
}

function lineAround(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  const end = text.indexOf('\n', offset)
  return text.slice(start, end < 0 ? undefined : end).slice(0, 500)
}

function placesIn(document: Document, place: Place): Written['placeOf'] {
  const indexes = new Map<YAMLMap, Map<string, Pair>>()
  const pairOf = (map: YAMLMap, key: string) => {
    const index = indexes.get(map) ?? new Map(map.items.map((pair) => [keyOf(pair), pair]))
    indexes.set(map, index)
    return index.get(key)
  }
  return (path) => {
    let node: unknown = document.contents
    let offset: number | undefined
    for (const part of path) {
      if (isAlias(node)) node = node.resolve(document)
      const pair = isMap(node) ? pairOf(node, String(part)) : undefined
      const entry = isSeq(node) && typeof part === 'number' ? node.items[part] : undefined
      offset = offsetOf(pair?.key ?? entry) ?? offset
      node = pair?.value ?? entry
    }
    return place(offset)
  }
}
