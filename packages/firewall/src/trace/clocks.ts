import { beganAt, type LogLine } from './log-line.ts'
import type { Witnesses } from './witnesses.ts'

/** A clock that does not agree with the one that the trace goes by. */
export interface ClockDifference {
  readonly daemon: string
  /** whose clock it is held against */
  readonly reference: string
  /** ahead of the other one, or behind where it is negative; at least that much */
  readonly milliseconds: number
}

/** What a busy process may let a line wait. */
const TOLERANCE_MILLISECONDS = 250
/** A server logs a connection when it comes to it, which may be after the proxy has seen it open. */
const SERVER_MILLISECONDS = 1000

/** What must lie between two moments of another clock. */
interface Enclosed {
  readonly began: number
  readonly ended: number
  readonly after: number
  readonly before: number
}

/** The order in which the steps are done: with `redeemAt: proxy` the fifth comes before the second. */
export function launchOrder(isRedeemedByProxy: boolean): readonly number[] {
  return isRedeemedByProxy ? [1, 5, 2, 3, 4, 6, 7, 8, 9] : [1, 2, 3, 4, 5, 6, 7, 8, 9]
}

/**
 * Holds the clocks of the daemons against each other: what a proxy does, it does after the step of the gateway before
 * it, and before the one behind it; the STA answers while the proxy asks, and the server is reached while it dials.
 */
export function clockDifferences(
  { gateway, proxy, sta }: Witnesses,
  server: readonly LogLine[],
  order: readonly number[],
): ClockDifference[] {
  const reference = gateway[0]?.daemon
  const asking = proxy.find(({ event, step }) => event === 'step' && step === 3)
  const dialling = proxy.find(({ event, step }) => event === 'step' && step === 6)
  const found: (ClockDifference | undefined)[] = []
  if (reference !== undefined) {
    for (const [daemon, own] of Map.groupBy(proxy, (line) => line.daemon))
      found.push(difference(daemon, reference, enclosedBy(gateway, own, order)))
  }
  if (asking !== undefined) {
    const answers = sta.filter(({ event }) => event === 'ticket-redeemed')
    found.push(difference(answers[0]?.daemon, asking.daemon, answers.map(within(asking, 0))))
  }
  if (dialling !== undefined) {
    const reached = server.filter(({ event }) => event === 'session-opened')
    const bounds = reached.map(within(dialling, SERVER_MILLISECONDS))
    found.push(difference(reached[0]?.daemon, dialling.daemon, bounds))
  }
  return found.filter((one) => one !== undefined)
}

function enclosedBy(
  gateway: readonly LogLine[],
  proxy: readonly LogLine[],
  order: readonly number[],
): Enclosed[] {
  const isStep = ({ event }: LogLine): boolean => event === 'step'
  const placeOf = ({ step = 0 }: LogLine): number => order.indexOf(step)
  const over = gateway.findLast(({ event }) => event === 'launch-failed')
  return proxy.filter(isStep).map((line) => {
    const steps = gateway.filter(isStep)
    const former = steps.findLast((one) => placeOf(one) < placeOf(line))
    const next = steps.find((one) => placeOf(one) > placeOf(line)) ?? over
    return {
      ...{ began: beganAt(line), ended: line.time },
      after: former?.time ?? Number.NEGATIVE_INFINITY,
      before: next?.time ?? Number.POSITIVE_INFINITY,
    }
  })
}

function within(line: LogLine, late: number): (one: LogLine) => Enclosed {
  const [after, before] = [beganAt(line), line.time + late]
  return ({ time }) => ({ began: time, ended: time, after, before })
}

/** Each moment says that the clock is ahead by so much at least and at most; it disagrees when that leaves out zero. */
function difference(
  daemon: string | undefined,
  reference: string,
  enclosed: readonly Enclosed[],
): ClockDifference | undefined {
  if (daemon === undefined || enclosed.length === 0) return undefined
  const least = Math.max(...enclosed.map(({ ended, before }) => ended - before))
  const most = Math.min(...enclosed.map(({ began, after }) => began - after))
  if (least > TOLERANCE_MILLISECONDS) return { daemon, reference, milliseconds: Math.round(least) }
  if (most < -TOLERANCE_MILLISECONDS) return { daemon, reference, milliseconds: Math.round(most) }
  return undefined
}
