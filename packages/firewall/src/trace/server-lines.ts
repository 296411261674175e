import { type LogLine, parseLine } from './log-line.ts'

/** Ports are used again: so many lines of one place are kept. */
const MOST_LINES = 1000

/** Whether a line may be one of a server, which knows no session ids. */
export function mayBeOfServer(text: string): boolean {
  return text.includes('"app"') && text.includes('"peer"') && !text.includes('"session"')
}

/** Keeps what servers say of connections from these places, each the `address:port` that a proxy dialled from. */
export class ServerLines {
  readonly #lines: ReadonlyMap<string, Map<string, LogLine>>

  constructor(places: Iterable<string>) {
    this.#lines = new Map([...places].map((place) => [place, new Map()]))
  }

  take(text: string): void {
    if (!mayBeOfServer(text)) return
    if (![...this.#lines.keys()].some((place) => text.includes(place))) return
    const line = parseLine(text)
    if (line?.app === undefined || line.session !== undefined) return
    const lines = this.#lines.get(line.peer ?? '')
    if (lines !== undefined && lines.size < MOST_LINES) lines.set(text, line)
  }

  /** What was said of this place, in the order it was read. */
  of(place: string): LogLine[] {
    return [...(this.#lines.get(place)?.values() ?? [])]
  }
}
