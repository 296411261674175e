import { z } from 'zod'

/** The longest text that is taken over from a line; daemons write none that long. */
const LONGEST = 500

/** A file may hold anything: nothing that moves a cursor, turns the direction of text or cannot be seen. */
const text = z
  .string()
  .transform((value) => value.slice(0, LONGEST).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '·'))
const number = z.number().min(0)
/** Half a century: from a time and this, another time can be told. */
const duration = number.max(1.6e12)

const schema = z.object({
  daemon: text,
  /** milliseconds since 1970 */
  time: z
    .string()
    .transform((value) => Date.parse(value))
    .refine((value) => value >= 0),
  event: text,
  audit: z.boolean().optional(),
  session: text.optional(),
  peer: text.optional(),
  peerName: text.optional(),
  step: z.int().min(1).max(9).optional(),
  route: text.optional(),
  detail: text.optional(),
  ms: duration.optional(),
  from: text.optional(),
  code: text.optional(),
  action: text.optional(),
  msg: text.optional(),
  reason: text.optional(),
  bytesUp: number.optional(),
  bytesDown: number.optional(),
  app: text.optional(),
  server: text.optional(),
})

/** A line of a daemon's log or audit log, as far as a trace reads it (docs/steps.md, docs/audit.md). */
export type LogLine = z.output<typeof schema>

/**
 * One line of a file. Collectors put words before it: what counts begins at the first brace.
 *
 * @returns undefined for everything that no daemon wrote, or wrote only in part
 */
export function parseLine(line: string): LogLine | undefined {
  const begin = line.indexOf('{')
  if (begin < 0) return undefined
  try {
    return schema.safeParse(JSON.parse(line.slice(begin))).data
  } catch {
    return undefined
  }
}

/** When what the line tells of began; a line is written when it is over. */
export function beganAt({ time, ms = 0 }: LogLine): number {
  return time - ms
}

/** What a foreign next hop does, the gateway writes down without having seen it. */
export function isUnseen({ detail }: LogLine): boolean {
  return detail === 'not observed'
}
