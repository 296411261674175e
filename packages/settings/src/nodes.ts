import { type Alias, isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair } from 'yaml'
import { type Problem, pathText } from './problem.ts'

/** Where in the file an offset is: `file:line`. */
export type Place = (offset: number | undefined) => string

/** What aliases repeat may be so many times what is written, and so much more: a bomb is far beyond both. */
const MOST_REPEATED = { times: 10, more: 100 }

interface Inspected {
  /** every alias without an anchor, and every key that stands a second time in its group */
  readonly problems: readonly Problem[]
  /** its aliases stand for far more than is written */
  readonly isBomb: boolean
}

/**
 * Looks at what yaml itself tells without a line, or at a cost that grows with the square of the file: it compares
 * each key with each, and looks for the anchor of each alias in the whole file. Here every alias learns its anchor.
 */
export function inspectNodes(contents: unknown, place: Place): Inspected {
  const problems: Problem[] = []
  const anchors = new Map<string, Node>()
  const sizes = new Map<Node, number>()
  const path: PropertyKey[] = []
  let written = 0
  let repeated = 0

  const note = (node: unknown, why: string): void =>
    void problems.push({ file: place(offsetOf(node)), path: pathText(path), why })
  const follow = (alias: Alias): number => {
    const anchored = anchors.get(alias.source)
    if (anchored === undefined) {
      note(alias, `the alias *${alias.source} has no anchor &${alias.source} before it`)
      return 1
    }
    alias.resolve = () => anchored as ReturnType<Alias['resolve']>
    const size = sizes.get(anchored) ?? 1 // it stands inside what it repeats, which has no end
    repeated += size
    return size
  }
  const below = (part: PropertyKey, node: unknown): number => {
    path.push(part)
    const size = look(node)
    path.pop()
    return size
  }
  /** @returns how many nodes it is, what its aliases repeat included */
  const look = (node: unknown): number => {
    written++
    if (isAlias(node)) return follow(node)
    if (isNode(node) && node.anchor !== undefined) anchors.set(node.anchor, node)
    let size = 1
    if (isSeq(node)) for (const [at, entry] of node.items.entries()) size += below(at, entry)
    if (isMap(node)) {
      const seen = new Set<string>()
      for (const pair of node.items) {
        const key = keyOf(pair)
        if (seen.has(key)) {
          path.push(key)
          note(pair.key, 'it stands twice')
          path.pop()
        }
        seen.add(key)
        size += below(key, pair.value)
      }
    }
    if (isNode(node)) sizes.set(node, size)
    return size
  }
  look(contents)
  return { problems, isBomb: repeated > MOST_REPEATED.times * written + MOST_REPEATED.more }
}

/** The text of a key. */
export function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : String(key)
}

export function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}
