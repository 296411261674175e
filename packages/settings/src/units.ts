import { z } from 'zod'

/** Values as an engineer writes them in YAML, and as the code wants them. */

const MILLISECONDS = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2 } as const

/** Node fires a timer of more than 2^31 - 1 ms at once, so nothing longer may be asked for. */
const LONGEST = 24 * MILLISECONDS.d
const LARGEST = 1024 * BYTES.MiB

const DURATION = 'a duration such as "10 s" (ms, s, min, h, d)'
const SIZE = 'a size such as "64 KiB" (B, KiB, MiB)'

/**
 * `10 s`, `250 ms`, `5 min`, `1 h`, `2 d`: milliseconds as a number, up to 24 days.
 *
 * @param least the shortest that makes sense, in milliseconds; a limit of 0 would let nothing pass, or everything
 */
export function duration(fallback: string, least: 0 | 1 = 1) {
  return milliseconds(least).prefault(fallback)
}

/** A duration, or `off`, which is undefined. */
export function durationOrOff(fallback: string) {
  return z
    .union(
      [z.literal('off').transform(() => undefined), milliseconds(1)],
      `expected ${DURATION} up to 24 d, or "off"`,
    )
    .prefault(fallback)
    .meta({ title: 'duration or off' })
}

/** `64 KiB`: bytes as a number, up to 1024 MiB. */
export function size(fallback: string) {
  return measure(BYTES, SIZE)
    .refine((bytes) => bytes >= 1 && bytes <= LARGEST, 'expected 1 B to 1024 MiB')
    .prefault(fallback)
    .meta({ title: 'size' })
}

/** How many of something. */
export function count(fallback: number) {
  return many().default(fallback)
}

/** How many of something, or `off`, which is undefined. */
export function countOrOff(fallback: number | 'off') {
  return z
    .union(
      [z.literal('off').transform(() => undefined), many()],
      'expected a whole number from 1 to 10000000, or "off"',
    )
    .prefault(fallback)
    .meta({ title: 'whole number or off' })
}

function many() {
  return z.int().min(1).max(10_000_000)
}

function milliseconds(least: number) {
  return measure(MILLISECONDS, DURATION)
    .refine((value) => value >= least && value <= LONGEST, `expected ${least} ms to 24 d`)
    .meta({ title: 'duration' })
}

function measure(units: Readonly<Record<string, number>>, expected: string) {
  const form = new RegExp(`^(\\d{1,9}) ?(${Object.keys(units).join('|')})$`)
  return z
    .string(`expected ${expected}`)
    .regex(form, `expected ${expected}`)
    .transform((text) => {
      const [, amount = '', unit = ''] = form.exec(text) ?? []
      return Number(amount) * (units[unit] ?? Number.NaN)
    })
}
