import type { Logger } from './log.ts'

/** The nine steps of a launch (docs/steps.md). Logs, metrics, the demo and the documentation use these words. */
export const STEPS = [
  'ticket',
  'sta-connect',
  'redeem',
  'resolve',
  'connect',
  'dial',
  'answer',
  'accept',
  'splice',
] as const

export type StepName = (typeof STEPS)[number]

/** 1 to 9. */
export function stepNumber(name: StepName): number {
  return STEPS.indexOf(name) + 1
}

/** What a log says of one step. */
export interface StepLine {
  readonly step: number
  readonly name: StepName
  /** from whom to whom, such as `gateway → proxy → sta` */
  readonly route: string
  readonly detail: string
  /** how long it took, milliseconds */
  readonly ms: number
  /** the address that the connection was opened from, `address:port`; by it the peer's lines are found */
  readonly from?: string
}

/** What not every step has to tell. */
export type StepDetails = Pick<StepLine, 'from'>

/** Milliseconds since some moment, to the microsecond. */
export function millisecondsSince(start: number): number {
  return Math.round((performance.now() - start) * 1000) / 1000
}

/** Writes one line for a step that is done. */
export function logStep(
  log: Logger,
  name: StepName,
  route: string,
  detail: string,
  since: number,
  more: StepDetails = {},
): void {
  const step = stepNumber(name)
  const ms = millisecondsSince(since)
  log.info(
    { event: 'step', step, name, route, detail, ms, ...more },
    `${step} ${name}: ${route}, ${detail}`,
  )
}
