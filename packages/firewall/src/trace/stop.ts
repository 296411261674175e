import { catalogue, type Entry } from '@doublehop/errors/catalogue'
import { type Cause, causeOf } from './causes.ts'
import type { LogLine } from './log-line.ts'
import type { Witnesses } from './witnesses.ts'

/** Which two daemons could not speak with each other. */
export interface Between {
  readonly from: 'gateway' | 'proxy'
  readonly to: 'proxy' | 'sta' | 'vda'
}

/** Where a launch stopped, and what was said about it. */
export interface Stop {
  /** 1 to 9 */
  readonly step: number
  /** the daemon whose words these are, by its name */
  readonly daemon: string
  readonly code: string
  readonly message: string
  readonly action: string
  /** milliseconds since 1970, by that daemon's clock */
  readonly time: number
  /** set where the network may be the reason */
  readonly between?: Between
  readonly cause?: Cause
  /** the side that gave up while the other one was still waiting */
  readonly gaveUp?: 'workspace' | 'gateway'
}

/** The redemption and what leads there, as the gateway waits for it. */
const REDEMPTION: readonly number[] = [2, 3, 4]

/** Where the launch of these witnesses stopped, as who was nearest tells it; undefined when it did not. */
export function stopOf({ gateway, proxy }: Witnesses): Stop | undefined {
  const outer = gateway.findLast(({ event }) => event === 'launch-failed')
  const inner = proxy.findLast(({ event }) => event === 'launch-failed')
  const refused = proxy.findLast(
    ({ event, audit }) => !audit && (event === 'relay-refused' || event === 'ticket-refused'),
  )
  if (isDone(gateway, 9)) return undefined
  if (outer === undefined) {
    if (inner !== undefined) return told(inner, stepOfProxy(inner), 'proxy')
    // Of a `;42;` the first STA may have refused its half, and the launch goes on with the second.
    const goesOn = gateway.length > 0 || isDone(proxy, 3) || isDone(proxy, 6)
    return refused === undefined || goesOn ? undefined : told(refused, 3, 'proxy')
  }
  if (inner !== undefined) return withinProxy(outer, inner)
  if (refused !== undefined && REDEMPTION.includes(outer.step ?? 0) && !isDone(proxy, 3))
    return told(refused, 3, 'proxy')
  return told(outer, seenFromGateway(outer, proxy), 'gateway')
}

/** Both have failed: one of them because of the other. */
function withinProxy(outer: LogLine, inner: LogLine): Stop {
  const step = stepOfProxy(inner)
  if (inner.code !== 'DH_CLIENT_GONE') return told(inner, step, 'proxy')
  if (outer.code === 'DH_CLIENT_GONE')
    return { ...told(outer, step, 'proxy'), ...waiting(step), gaveUp: 'workspace' }
  if (outer.code === 'DH_LAUNCH_DEADLINE')
    return { ...told(outer, step, 'proxy'), ...waiting(step), gaveUp: 'gateway' }
  return told(outer, outer.step ?? 1, 'gateway')
}

function waiting(step: number): Pick<Stop, 'between' | 'cause'> {
  const between = betweenFrom('proxy', step, '')
  return { cause: { symptom: 'silence' }, ...(between && { between }) }
}

function told(line: LogLine, step: number, by: 'gateway' | 'proxy'): Stop {
  const { daemon, code = '', msg: message = '', action = '', time } = line
  const between = isOfNetwork(code) ? betweenFrom(by, step, code) : undefined
  return {
    ...{ step, daemon, code, message, action, time },
    ...(between && { between, cause: causeOf(code, message) }),
  }
}

/** Until a proxy begins a step of its own, it stands at the CONNECT. */
function stepOfProxy({ step = 1 }: LogLine): number {
  return step === 1 ? 5 : step
}

/** The gateway waits in 4 and 7 for what the proxy does in 3 and 6, if it does. */
function seenFromGateway({ step = 1, code = '' }: LogLine, proxy: readonly LogLine[]): number {
  const late = code === 'DH_LAUNCH_DEADLINE'
  if (step === 4 && !isDone(proxy, 3) && (late || /^DH_(STA|TICKET)_/.test(code))) return 3
  if (step === 7 && !isDone(proxy, 6) && (late || code.startsWith('DH_SOCKS_'))) return 6
  return step
}

function betweenFrom(by: 'gateway' | 'proxy', step: number, code: string): Between | undefined {
  if (by === 'gateway' && code.startsWith('DH_HOP_')) return { from: 'gateway', to: 'proxy' }
  if (code.startsWith('DH_STA_')) return { from: 'proxy', to: 'sta' }
  const behind = code.startsWith('DH_SOCKS_') || by === 'proxy'
  if (step === 3 || (step === 2 && behind)) return { from: 'proxy', to: 'sta' }
  if (step === 6 || (step > 4 && step < 8 && behind)) return { from: 'proxy', to: 'vda' }
  return step > 1 && step < 8 ? { from: 'gateway', to: 'proxy' } : undefined
}

const OF_NETWORK: readonly Entry['class'][] = [
  'refused',
  'network-unreachable',
  'host-unreachable',
  'timeout',
]

function isOfNetwork(code: string): boolean {
  const entry = (catalogue as Record<string, Entry>)[code]
  return entry !== undefined && OF_NETWORK.includes(entry.class)
}

function isDone(lines: readonly LogLine[], step: number): boolean {
  return lines.some((line) => line.event === 'step' && line.step === step)
}
