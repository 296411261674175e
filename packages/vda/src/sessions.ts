import type { Audit } from '@doublehop/daemon/audit'
import { converse } from '@doublehop/daemon/conversation'
import type { Surroundings } from '@doublehop/daemon/daemon'
import type { Leg } from '@doublehop/daemon/leg'
import type { Logger } from '@doublehop/daemon/log'
import type { Metrics } from '@doublehop/daemon/metrics'
import { millisecondsSince } from '@doublehop/daemon/steps'
import { UnderWay } from '@doublehop/daemon/under-way'
import { asFault } from '@doublehop/errors/fault'
import type { VdaApp, VdaSettings } from '@doublehop/settings/vda'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { ICA_GREETING, takeIcaGreeting } from '@doublehop/wire/ica-greeting'
import { APPS } from './apps.ts'
import { withoutCgpFlight } from './cgp-flight.ts'

/** How often the greeting is said to a client that keeps silent (docs/protocols.md, 3). */
const GREET_EVERY_MILLISECONDS = 2000

/** The sessions of a VDA, from accept to the last byte. */
export class VdaSessions {
  readonly #settings: () => VdaSettings
  readonly #log: Logger
  readonly #audit: Audit
  readonly #metrics: Metrics
  readonly #open = new Map<Leg, { readonly app: string; readonly since: Date }>()
  readonly #underWay = new UnderWay()

  /** @param settings those at work, which a reload changes */
  constructor(settings: () => VdaSettings, { log, audit, metrics }: Surroundings) {
    this.#settings = settings
    this.#log = log
    this.#audit = audit
    this.#metrics = metrics
  }

  /** 2598-style: this end says nothing of its own; the flight of a CGP client is taken off before the app. */
  async serveCgp(app: VdaApp, leg: Leg): Promise<void> {
    await this.#run(app, leg, async () => APPS[app.kind](withoutCgpFlight(leg), app))
  }

  /** 1494-style: greets, again and again while the client is silent, and waits for the same six bytes. */
  async serveIca(app: VdaApp, leg: Leg): Promise<void> {
    await this.#run(app, leg, async () => {
      leg.write(ICA_GREETING)
      const again = setInterval(() => leg.write(ICA_GREETING), GREET_EVERY_MILLISECONDS)
      const limits = { what: 'the ICA greeting', milliseconds: this.#settings().limits.greeting }
      await converse(leg, takeIcaGreeting(), limits).finally(() => clearInterval(again))
      await APPS[app.kind](leg, app)
    })
  }

  /** Waits until the last one has ended, for so long at most. True when it has. */
  drained(milliseconds: number): Promise<boolean> {
    return this.#underWay.over(milliseconds)
  }

  endAll(): void {
    for (const leg of this.#open.keys()) leg.destroy()
  }

  toJSON(): object[] {
    return [...this.#open].map(([leg, { app, since }]) => ({
      app,
      peer: formatEndpoint(leg.peer),
      since: since.toISOString(),
      bytesUp: leg.received,
      bytesDown: leg.sent,
    }))
  }

  async #run(app: VdaApp, leg: Leg, serve: () => Promise<void>): Promise<void> {
    const began = performance.now()
    this.#open.set(leg, { app: app.name, since: new Date() })
    this.#audit('session-opened', { app: app.name, peer: formatEndpoint(leg.peer) })
    this.#underWay.begin()
    this.#metrics.sessionOpened()
    leg.gone.addEventListener('abort', () => this.#closed(app, leg, began))
    try {
      await serve()
    } catch (error) {
      const { code, message, action } = asFault(error)
      this.#log.warn(
        { event: 'session-failed', app: app.name, peer: formatEndpoint(leg.peer), code, action },
        message,
      )
      this.#metrics.failed(code)
      leg.reset()
    }
  }

  #closed(app: VdaApp, leg: Leg, began: number): void {
    this.#open.delete(leg)
    const bytes = { bytesUp: leg.received, bytesDown: leg.sent }
    const about = {
      app: app.name,
      peer: formatEndpoint(leg.peer),
      ...bytes,
      ms: millisecondsSince(began),
    }
    this.#audit('session-closed', about)
    this.#log.info(
      { event: 'session-closed', ...about },
      `session closed: ${app.name}, ${leg.received} bytes up, ${leg.sent} down`,
    )
    this.#metrics.sessionClosed('closed', { up: leg.received, down: leg.sent })
    this.#underWay.end()
  }
}
