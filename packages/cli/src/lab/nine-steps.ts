import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { STEPS, type StepLine } from '@doublehop/daemon/steps'

/** A launch as the logs of gateway and proxy tell it. */
export interface LoggedLaunch {
  readonly session: string
  readonly steps: readonly StepLine[]
}

interface LogLine extends Partial<StepLine> {
  readonly event?: string
  readonly session?: string
  readonly peer?: string
}

const WAIT_MILLISECONDS = 2000

/**
 * The nine steps of the session that this client address opened, from the logs in a lab's folder. The client does not
 * know its session's id; the gateway wrote down both.
 *
 * @param client `address:port` of the client's connection
 * @returns undefined when the logs are not there, or hold no nine steps of it within two seconds
 */
export async function loggedLaunch(
  logs: string,
  client: string,
): Promise<LoggedLaunch | undefined> {
  const until = performance.now() + WAIT_MILLISECONDS
  while (existsSync(join(logs, 'gateway.log')) && performance.now() < until) {
    const lines = [...readLog(join(logs, 'gateway.log')), ...readLog(join(logs, 'proxy.log'))]
    const session = lines.findLast(
      ({ event, step, peer }) => event === 'step' && step === 1 && peer === client,
    )?.session
    const steps = STEPS.flatMap((_, index) => {
      const line = lines.find(
        (one) => one.event === 'step' && one.session === session && one.step === index + 1,
      )
      return line === undefined ? [] : [line as StepLine]
    })
    if (session !== undefined && steps.length === STEPS.length) return { session, steps }
    await delay(20)
  }
  return undefined
}

/** The lines of a log that tell of steps; the last one may still be half written. */
function readLog(file: string): LogLine[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"event":"step"'))
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as LogLine]
      } catch {
        return []
      }
    })
}
