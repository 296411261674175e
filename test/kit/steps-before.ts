import type { Ticket } from '@doublehop/wire/ticket'
import type { LogLine } from './house.ts'

/** By step, 1 to 7: the steps that have a line in the log while it is under way. */
const BEFORE: Readonly<Record<string, readonly (readonly number[])[]>> = {
  gateway: [[], [], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6]],
  proxy: [[], [], [1, 5], [1, 2, 5], [1, 2, 5], [1], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6]],
}
/** The gateway writes 7, 8 and 9 at once. */
const ALL = [1, 2, 3, 4, 5, 6, 7, 8, 9]

/** The steps that have a line while this one is under way on the wire, by number. */
export function stepsBefore(redeemAt: string, step: number): readonly number[] {
  return BEFORE[redeemAt]?.[step] ?? ALL
}

/** The steps of the launch with this ticket that have a line, by number. */
export function stepsOf(lines: readonly LogLine[], ticket: Ticket): number[] {
  const steps = lines.filter(({ event }) => event === 'step')
  const first = steps.find(({ detail }) => String(detail).includes(` ${ticket} `))
  if (first === undefined) return []
  const own = steps.filter(({ session }) => session === first.session)
  return own.map(({ step }) => Number(step)).toSorted((a, b) => a - b)
}
