import { STEPS, type StepName } from '@doublehop/daemon/steps'
import { launchOrder } from './clocks.ts'
import { beganAt, isUnseen, type LogLine } from './log-line.ts'
import type { Stop } from './stop.ts'
import type { Witnesses } from './witnesses.ts'

/** One of the nine steps, as far as anybody wrote it down. */
export interface TracedStep {
  /** 1 to 9 */
  readonly step: number
  readonly name: StepName
  readonly state: 'done' | 'stopped' | 'not-observed' | 'not-reached' | 'under-way'
  /** whose step it is, whether that daemon was heard or not */
  readonly of: 'gateway' | 'proxy'
  /** who wrote it down, by the name on its lines */
  readonly daemon?: string
  /** milliseconds since 1970, by that daemon's clock */
  readonly began?: number
  /** how long it took, milliseconds */
  readonly ms?: number
  readonly route?: string
  readonly detail?: string
  /** set when it was done more than once, as with the second STA of a `;42;` */
  readonly times?: number
}

/** Whether the proxy redeems the ticket (`redeemAt: proxy`), as the lines show it. */
export function isRedeemedByProxy({ gateway, proxy }: Witnesses): boolean {
  const reached = gateway.map(({ step = 0 }) => step)
  return (
    proxy.some(({ event, step }) => event === 'step' && (step === 2 || step === 4)) ||
    (reached.some((step) => step >= 5) && !reached.includes(2))
  )
}

/** The nine steps, those that nobody saw among them. */
export function rowsOf(witnesses: Witnesses, stop: Stop | undefined): TracedStep[] {
  const byProxy = isRedeemedByProxy(witnesses)
  const order = launchOrder(byProxy)
  const seen = STEPS.map((_, index) => seenIn(witnesses, index + 1))
  const last = Math.max(-1, ...order.flatMap((step, at) => (seen[step - 1] ? [at] : [])))
  const isOpen =
    stop === undefined &&
    witnesses.gateway.length > 0 &&
    !witnesses.gateway.some(({ event }) => event === 'session-closed')
  const stateOf = (step: number): TracedStep['state'] => {
    const at = order.indexOf(step)
    if (stop?.step === step) return 'stopped'
    if (seen[step - 1]?.daemon !== undefined) return 'done'
    if (stop !== undefined && at > order.indexOf(stop.step)) return 'not-reached'
    if (isOpen && at > last) return at === last + 1 ? 'under-way' : 'not-reached'
    return 'not-observed'
  }
  return STEPS.map((name, index) => {
    const step = index + 1
    const state = stateOf(step)
    const row = { step, name, state, of: ownerOf(step, byProxy) }
    if (state === 'stopped' && stop) return { ...row, ...stoppedRow(witnesses, stop, order) }
    return { ...row, ...seen[index] }
  })
}

function ownerOf(step: number, byProxy: boolean): 'gateway' | 'proxy' {
  if (step === 3 || step === 6) return 'proxy'
  return byProxy && (step === 2 || step === 4) ? 'proxy' : 'gateway'
}

type Seen = Pick<TracedStep, 'daemon' | 'began' | 'ms' | 'route' | 'detail' | 'times'>

function seenIn({ gateway, proxy, sta }: Witnesses, step: number): Seen | undefined {
  const lines = [...gateway, ...proxy].filter((line) => line.event === 'step' && line.step === step)
  const line = lines.at(-1)
  const { daemon, route = '', detail = '', ms = 0 } = line ?? {}
  if (line !== undefined && isUnseen(line)) return { route, detail }
  if (line !== undefined && daemon !== undefined) {
    const times = lines.length > 1 ? { times: lines.length } : {}
    return { daemon, began: beganAt(line), ms, route, detail, ...times }
  }
  const redeemed = step === 3 ? sta.find(({ event }) => event === 'ticket-redeemed') : undefined
  if (redeemed === undefined) return undefined
  const what = { route: 'proxy → sta', detail: 'ticket redeemed, as the STA says' }
  return { daemon: redeemed.daemon, began: redeemed.time, ...what }
}

/** A refusal says when it came to that; the step began when that daemon had done the one before it, or first heard of the session. */
function stoppedRow(
  { gateway, proxy }: Witnesses,
  stop: Stop,
  order: readonly number[],
): Omit<Seen, 'times'> {
  const own = [...gateway, ...proxy].filter(({ daemon }) => daemon === stop.daemon)
  const former = own.findLast(
    ({ event, step = 0 }) => event === 'step' && order.indexOf(step) < order.indexOf(stop.step),
  )
  const session = own.find(({ event }) => event === 'session-closed')
  const before = [former?.time, session && beganAt(session)].filter((time) => time !== undefined)
  const began = before.length === 0 ? undefined : Math.max(...before)
  const { from, to } = stop.between ?? {}
  return {
    ...{ daemon: stop.daemon, detail: stop.code },
    ...(from !== undefined && { route: `${from} → ${to}` }),
    ...(began !== undefined && { began, ms: Math.max(0, stop.time - began) }),
  }
}

/** Lines in which a daemon says that the session is over. */
export function closings(lines: readonly LogLine[]): LogLine[] {
  const closed = lines.filter(({ event }) => event === 'session-closed')
  const logged = closed.filter(({ audit }) => !audit)
  const byDaemon = Map.groupBy(logged.length > 0 ? logged : closed, ({ daemon }) => daemon)
  return [...byDaemon.values()].flatMap((own) => own.slice(-1))
}
