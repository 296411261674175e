/**
 * What `doublehop listen` does for a deep check, one line a command, after its greeting. Whatever a stranger says here
 * must be harmless: every number has a bound, and never more bytes come back than were sent before, but for the short
 * answers below.
 *
 * | line | answer |
 * | --- | --- |
 * | `wait SECONDS` | `ready`: the next line may be so long in coming |
 * | `echo HEX` | `echo HEX` |
 * | `take BYTES` | `go`, then, once so many bytes have come, `took BYTES` |
 * | `give BYTES` | so many bytes in one write, no more than were taken on this connection |
 * | `bytes COUNT` | `go`, then as many of the known bytes as came, and a verdict on what came |
 * | `close-last HEX` | `ready`; after our end: the number again, and the end |
 * | `close-first HEX` | `ready` and the end; it remembers whether the number still comes |
 * | `seen HEX` | `seen yes` or `seen no`: whether it came |
 *
 * Each line begins with `doublehop deep` and ends with CR LF; HEX is 32 digits.
 */
export type Command =
  | { readonly what: 'wait'; readonly seconds: number }
  | { readonly what: 'echo' | 'close-last' | 'close-first' | 'seen'; readonly nonce: string }
  | { readonly what: 'take' | 'give' | 'bytes'; readonly bytes: number }

/** No line of this language is longer, its end included. */
export const LINE_BYTES = 96
/** The longest silence that may be asked for. */
export const WAIT_SECONDS = 7200
/** The largest segment that is tried: a jumbo frame's. */
export const SEGMENT_BYTES = 9216
/** The most bytes that are compared, each way. */
export const COMPARED_BYTES = 1_048_576
/** After an end either side waits so long before it goes on, so that who takes one end for both has time to show it. */
export const AFTER_END_MS = 1000
/** A visitor says no more lines than this. */
export const COMMANDS = 100

const BOUNDS = {
  wait: WAIT_SECONDS,
  take: SEGMENT_BYTES,
  give: SEGMENT_BYTES,
  bytes: COMPARED_BYTES,
}
const NUMBERED = /^doublehop deep (wait|take|give|bytes) ([1-9]\d{0,6})$/
const NONCED = /^doublehop deep (echo|close-last|close-first|seen) ([0-9a-f]{32})$/

/** Reads a line without its end; undefined when it is none of these, or asks for too much. */
export function readCommand(line: string): Command | undefined {
  const [, nonced, nonce = ''] = NONCED.exec(line) ?? []
  if (nonced !== undefined) return { what: nonced as 'echo', nonce }
  const [, what, digits] = NUMBERED.exec(line) ?? []
  if (what === undefined) return undefined
  const count = Number(digits)
  if (count > BOUNDS[what as keyof typeof BOUNDS]) return undefined
  return what === 'wait' ? { what, seconds: count } : { what: what as 'take', bytes: count }
}

/** The line of a command. */
export function commandLine(command: Command): string {
  if (command.what === 'wait') return `doublehop deep wait ${command.seconds}\r\n`
  const rest = 'nonce' in command ? command.nonce : command.bytes
  return `doublehop deep ${command.what} ${rest}\r\n`
}

/** How the bytes were that came. */
export interface Verdict {
  readonly count: number
  /** SHA-256 of them, hex */
  readonly digest: string
  /** where the first one stood that was not what had been sent; undefined where all were */
  readonly firstChange: number | undefined
}

const VERDICT = /^came (\d{1,7}) ([0-9a-f]{64}) (\d{1,7}|-)$/

export function verdictLine({ count, digest, firstChange }: Verdict): string {
  return `came ${count} ${digest} ${firstChange ?? '-'}\r\n`
}

export function readVerdict(line: string): Verdict | undefined {
  const [, count, digest = '', change] = VERDICT.exec(line) ?? []
  if (count === undefined) return undefined
  return {
    count: Number(count),
    digest,
    firstChange: change === '-' ? undefined : Number(change),
  }
}
