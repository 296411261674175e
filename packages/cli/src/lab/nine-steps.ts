import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { StepLine } from '@doublehop/daemon/steps'
import { Gatherer } from '@doublehop/firewall/trace/gather'
import { NO_KNOWLEDGE } from '@doublehop/firewall/trace/knowledge'
import { parseLine } from '@doublehop/firewall/trace/log-line'
import { traceOf } from '@doublehop/firewall/trace/trace'

/** A launch as the logs of gateway and proxy tell it. */
export interface LoggedLaunch {
  readonly session: string
  readonly steps: readonly StepLine[]
}

const WAIT_MILLISECONDS = 2000
const STEPS_OF_A_LAUNCH = 9

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
    const session = lines
      .map(parseLine)
      .findLast(
        (line) => line?.event === 'step' && line.step === 1 && line.peer === client,
      )?.session
    const steps = session === undefined ? [] : stepsOf(session, lines)
    if (session !== undefined && steps.length === STEPS_OF_A_LAUNCH) return { session, steps }
    await delay(20)
  }
  return undefined
}

/** The steps that anybody wrote down, in their order. */
function stepsOf(session: string, lines: readonly string[]): StepLine[] {
  const gatherer = new Gatherer({ prefixes: [session] })
  for (const line of lines) gatherer.take(line)
  return gatherer.found.flatMap((found) =>
    traceOf(found, () => [], NO_KNOWLEDGE).steps.flatMap(({ step, name, route, detail, ms = 0 }) =>
      route === undefined || detail === undefined ? [] : [{ step, name, route, detail, ms }],
    ),
  )
}

/** The lines of a log that tell of steps; the last one may still be half written. */
function readLog(file: string): string[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"event":"step"'))
}
