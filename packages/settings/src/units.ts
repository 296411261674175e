import { z } from 'zod'

/** Values as an engineer writes them in YAML, and as the code wants them. */

const MILLISECONDS = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2 } as const

/** `10 s`, `250 ms`, `5 min`, `1 h`, `30 d`: milliseconds as a number. */
export function duration(fallback: string) {
  return measure(MILLISECONDS, 'a duration such as "10 s" (ms, s, min, h, d)').prefault(fallback)
}

/** A duration, or `off`, which is undefined. */
export function durationOrOff(fallback: string) {
  return z
    .union([z.literal('off').transform(() => undefined), measure(MILLISECONDS, 'a duration such as "10 s", or "off"')])
    .prefault(fallback)
}

/** `64 KiB`: bytes as a number. */
export function size(fallback: string) {
  return measure(BYTES, 'a size such as "64 KiB" (B, KiB, MiB)').prefault(fallback)
}

/** How many of something. */
export function count(fallback: number) {
  return z.int().min(1).max(10_000_000).default(fallback)
}

function measure(units: Readonly<Record<string, number>>, expected: string) {
  const form = new RegExp(`^(\\d{1,9}) ?(${Object.keys(units).join('|')})$`)
  return z
    .string()
    .regex(form, `expected ${expected}`)
    .transform((text) => {
      const [, amount = '', unit = ''] = form.exec(text) ?? []
      return Number(amount) * (units[unit] ?? Number.NaN)
    })
}
