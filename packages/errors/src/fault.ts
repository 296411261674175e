import { type Code, catalogue, type Entry } from './catalogue.ts'

/** The names in braces that a message of the catalogue asks for. */
type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never

type Texts<C extends Code> = (typeof catalogue)[C]['message'] | (typeof catalogue)[C]['action']

/** What must be told to raise a fault of this code: one value for every name in its texts. */
export type Details<C extends Code> = Record<Placeholders<Texts<C>>, string | number>

/**
 * Something went wrong that the catalogue knows: what happened and where (`message`), what to do next
 * (`action`), whose fault it is and what the outside may learn of it (`class`).
 *
 * Match on `code`, never on the text.
 */
export class Fault extends Error {
  readonly code: Code
  readonly class: Entry['class']
  readonly fault: Entry['fault']
  readonly action: string
  readonly details: Readonly<Record<string, string | number>>

  constructor(code: Code, details: Record<string, string | number>, cause?: unknown) {
    const entry = catalogue[code]
    super(fill(entry.message, details), cause === undefined ? undefined : { cause })
    this.name = 'Fault'
    this.code = code
    this.class = entry.class
    this.fault = entry.fault
    this.action = fill(entry.action, details)
    this.details = bounded(details)
  }
}

/**
 * A fault of the given code. The compiler asks for every value that the code's texts mention.
 *
 * @param cause what was caught, kept for the log of whoever is at fault
 */
export function fault<C extends Code>(code: C, details: Details<C>, cause?: unknown): Fault {
  return new Fault(code, details, cause)
}

/** What was caught, as a fault: itself, or DH_INTERNAL around it. */
export function asFault(caught: unknown): Fault {
  if (caught instanceof Fault) return caught
  return fault('DH_INTERNAL', { what: nameOf(caught) }, caught)
}

/** Never throws: anything can be thrown, also what has no text. */
function nameOf(caught: unknown): string {
  try {
    return caught instanceof Error ? caught.message || caught.name : String(caught)
  } catch {
    return typeof caught
  }
}

/** Whether this is a fault of one of these codes. */
export function isFault(caught: unknown, ...codes: Code[]): caught is Fault {
  return caught instanceof Fault && (codes.length === 0 || codes.includes(caught.code))
}

/** What a stranger wrote is kept in details no longer, and no wilder, than in the message. */
function bounded(details: Record<string, string | number>): Record<string, string | number> {
  const kept = Object.entries(details).map(([name, value]) => [
    name,
    typeof value === 'string' ? printable(value) : value,
  ])
  return Object.fromEntries(kept)
}

function fill(text: string, details: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => printable(String(details[name] ?? '?')))
}

/**
 * A stranger's bytes may stand in a message: nothing that moves a cursor, begins a line, turns the direction of
 * text or cannot be seen, never much of it, and no digits of a ticket, which may still be good.
 */
function printable(text: string): string {
  const masked = text.replace(/[0-9A-Fa-f]{30,}/g, (digits) => `${digits.slice(0, 4)}…`)
  const plain = masked.slice(0, 300).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '·')
  return masked.length > 300 ? `${plain}…` : plain
}
