import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Spliced } from './splice.ts'
import type { StepName } from './steps.ts'

export type { Counter }

/** What every daemon counts. One registry each, so that several daemons can run in one test. Listed in docs/metrics.md. */
export class Metrics {
  readonly registry = new Registry()
  readonly #sessions: Gauge
  readonly #closed: Counter<'reason'>
  readonly #bytes: Counter<'direction'>
  readonly #steps: Histogram<'step'>
  readonly #failures: Counter<'code'>

  constructor() {
    const registers = [this.registry]
    this.#sessions = new Gauge({
      name: 'doublehop_sessions',
      help: 'Sessions at this moment',
      registers,
    })
    this.#closed = new Counter({
      name: 'doublehop_sessions_closed_total',
      help: 'Sessions that ended, by reason',
      labelNames: ['reason'],
      registers,
    })
    this.#bytes = new Counter({
      name: 'doublehop_session_bytes_total',
      help: 'Bytes of ended sessions: up is client to server',
      labelNames: ['direction'],
      registers,
    })
    this.#steps = new Histogram({
      name: 'doublehop_step_seconds',
      help: 'How long each of the nine steps took',
      labelNames: ['step'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    })
    this.#failures = new Counter({
      name: 'doublehop_failures_total',
      help: 'Launches, connections and requests that failed, by error code',
      labelNames: ['code'],
      registers,
    })
  }

  /** A counter of this daemon's own. */
  counter<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
  ): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] })
  }

  /** A gauge that is read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read())
      },
    })
  }

  /** The same for several at once, told apart by a label. */
  gauges(name: string, help: string, label: string, read: () => ReadonlyMap<string, number>): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [value, number] of read()) this.set({ [label]: value }, number)
      },
    })
  }

  /** Memory, event loop and the like of this process: for daemons that have one of their own. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.registry })
  }

  sessionOpened(): void {
    this.#sessions.inc()
  }

  sessionClosed(reason: string, { up, down }: Pick<Spliced, 'up' | 'down'>): void {
    this.#sessions.dec()
    this.#closed.inc({ reason })
    this.#bytes.inc({ direction: 'up' }, up)
    this.#bytes.inc({ direction: 'down' }, down)
  }

  stepTook(step: StepName, seconds: number): void {
    this.#steps.observe({ step }, seconds)
  }

  failed(code: string): void {
    this.#failures.inc({ code })
  }
}
