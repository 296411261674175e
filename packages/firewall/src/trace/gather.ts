import { isSessionId } from '@doublehop/wire/session-id'
import { beganAt, type LogLine, parseLine } from './log-line.ts'

/** Sessions to look for: by their ids or the beginnings of those, or as many of the newest. */
export type Wanted = { readonly prefixes: readonly string[] } | { readonly newest: number }

/** What the logs hold of one session id, whoever wrote it. */
export interface Gathered {
  readonly session: string
  readonly lines: readonly LogLine[]
  /** milliseconds since 1970, by the clock of whoever says it was first */
  readonly began: number
}

/** A launch writes some twenty lines. Who makes up lines for an id, or ids for a prefix, fills no memory. */
const MOST_LINES = 500
const MOST_SESSIONS = 100

interface Held {
  readonly lines: Map<string, LogLine>
  began: number
}

/** Keeps of all the lines that pass by those of the sessions that are wanted. */
export class Gatherer {
  readonly #wanted: Wanted
  readonly #held = new Map<string, Held>()

  constructor(wanted: Wanted) {
    this.#wanted = wanted
  }

  /** Takes one line of any file. */
  take(text: string): void {
    if (!this.#mayHold(text)) return
    const line = parseLine(text)
    const { session } = line ?? {}
    if (line === undefined || session === undefined || !isSessionId(session)) return
    if (!this.#wants(session)) return
    const held = this.#held.get(session) ?? this.#hold(session)
    if (held === undefined || held.lines.size >= MOST_LINES) return
    held.began = Math.min(held.began, beganAt(line))
    // One file may have been named twice, or hold what another one holds too.
    held.lines.set(text, line)
    if ('newest' in this.#wanted && this.#held.size > 4 * this.#wanted.newest) this.#letGo()
  }

  /** Every session that was found, the newest last. */
  get found(): Gathered[] {
    if ('newest' in this.#wanted) this.#letGo()
    return [...this.#held]
      .map(([session, { lines, began }]) => ({ session, lines: [...lines.values()], began }))
      .sort((a, b) => a.began - b.began)
  }

  /** Cheaper than to parse: most lines of a large file are of other sessions. */
  #mayHold(text: string): boolean {
    if ('newest' in this.#wanted) return text.includes('"session"')
    return this.#wanted.prefixes.some((prefix) => text.includes(prefix))
  }

  #wants(session: string): boolean {
    return (
      'newest' in this.#wanted || this.#wanted.prefixes.some((prefix) => session.startsWith(prefix))
    )
  }

  #hold(session: string): Held | undefined {
    if ('prefixes' in this.#wanted && this.#held.size >= MOST_SESSIONS) return undefined
    const held = { lines: new Map<string, LogLine>(), began: Number.POSITIVE_INFINITY }
    this.#held.set(session, held)
    return held
  }

  /** An old session that ends at last comes back with its last line, which tells how long it was open: it goes again. */
  #letGo(): void {
    if (!('newest' in this.#wanted)) return
    const oldestFirst = [...this.#held].sort(([, a], [, b]) => a.began - b.began)
    for (const [session] of oldestFirst.slice(0, -this.#wanted.newest)) this.#held.delete(session)
  }
}
