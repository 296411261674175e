import { randomBytes } from 'node:crypto'
import type { Fault } from '@doublehop/errors/fault'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import type { Ticket } from '@doublehop/wire/ticket'
import type { Audit, AuditEvent } from './audit.ts'
import type { Leg } from './leg.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'
import { type CloseReason, type Splice, type Spliced, splice } from './splice.ts'
import { logStep, millisecondsSince, type StepDetails, type StepName, stepNumber } from './steps.ts'
import { UnderWay } from './under-way.ts'

/** One session through this daemon, from its first byte to its last. */
export class Session {
  readonly id: string
  readonly client: Leg
  readonly log: Logger
  /** when the client had said all it wants (performance.now()); undefined before */
  asked: number | undefined
  /** what it was launched with, once that is known */
  ticket: Ticket | undefined
  /** that ticket was good, and is spent: what is refused from then on is not the ticket */
  isRedeemed = false
  /** when its first byte came (performance.now()) */
  readonly opened = performance.now()
  readonly #metrics: Metrics
  readonly #audit: Audit
  readonly #since = new Date()
  readonly #onClose: () => void
  #reached: StepName = 'ticket'
  #server: Leg | undefined
  #splice: Splice | undefined
  #closed = false

  constructor(id: string, client: Leg, { log, metrics, audit }: SessionBooks, onClose: () => void) {
    this.id = id
    this.client = client
    this.log = log.child(this.#who())
    this.#metrics = metrics
    this.#audit = audit
    this.#onClose = onClose
    metrics.sessionOpened()
  }

  /** The step that is done or under way, for errors: `4 resolve`. */
  get reached(): string {
    return `${stepNumber(this.#reached)} ${this.#reached}`
  }

  /** A step begins: what fails from here on failed in it. Call what comes back when it is done. */
  step(name: StepName): (route: string, detail: string, more?: StepDetails) => void {
    const began = performance.now()
    this.#reached = name
    return (route, detail, more) => {
      this.#metrics.stepTook(name, (performance.now() - began) / 1000)
      logStep(this.log, name, route, detail, began, more)
    }
  }

  /** Joins client and server until the session ends, and closes it. */
  async splice(server: Leg, idleMilliseconds: number | undefined): Promise<Spliced> {
    this.#server = server
    this.audit('session-opened', { server: formatEndpoint(server.peer) })
    this.#splice = splice(this.client, server, idleMilliseconds)
    const spliced = await this.#splice.done
    this.#close(spliced.reason, spliced)
    return spliced
  }

  /** It never came to a splice. */
  fail(failure: Fault): void {
    const { code, message, action } = failure
    const level = failure.fault === 'ours' ? 'error' : 'warn'
    this.log[level](
      { event: 'launch-failed', code, step: stepNumber(this.#reached), action },
      message,
    )
    this.#metrics.failed(code)
    this.#close(`error:${code}`, { up: 0, down: 0 })
  }

  /** Writes down what was done in its name. */
  audit(event: AuditEvent, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#audit(event, {
      ...this.#who(),
      ...(this.ticket && { ticket: String(this.ticket) }),
      ...fields,
    })
  }

  /** Ends it, whatever it is doing. */
  cut(reason: CloseReason): void {
    if (this.#splice === undefined) this.client.reset()
    else this.#splice.cut(reason)
  }

  /** As /sessions shows it. */
  toJSON(): object {
    return {
      id: this.id,
      peer: formatEndpoint(this.client.peer),
      ...(this.client.peer.name && { peerName: this.client.peer.name }),
      ...(this.#server && { server: formatEndpoint(this.#server.peer) }),
      step: this.reached,
      since: this.#since.toISOString(),
      bytesUp: this.#splice?.carried.up ?? 0,
      bytesDown: this.#splice?.carried.down ?? 0,
    }
  }

  #who(): object {
    const { peer } = this.client
    return {
      session: this.id,
      peer: formatEndpoint(peer),
      ...(peer.name && { peerName: peer.name }),
    }
  }

  #close(reason: string, { up, down }: Pick<Spliced, 'up' | 'down'>): void {
    if (this.#closed) return
    this.#closed = true
    const ms = millisecondsSince(this.opened)
    if (this.#server) this.audit('session-closed', { reason, bytesUp: up, bytesDown: down, ms })
    this.log.info(
      { event: 'session-closed', reason, bytesUp: up, bytesDown: down, ms },
      `session closed: ${reason}, ${up} bytes up, ${down} down, open ${(ms / 1000).toFixed(1)} s`,
    )
    this.#metrics.sessionClosed(reason, { up, down })
    this.#onClose()
  }
}

/** Where sessions are written down. */
export interface SessionBooks {
  readonly log: Logger
  readonly metrics: Metrics
  readonly audit: Audit
}

/** All sessions of a daemon. */
export class Sessions {
  readonly #books: SessionBooks
  readonly #open = new Set<Session>()
  readonly #underWay = new UnderWay()

  constructor(books: SessionBooks) {
    this.#books = books
  }

  get count(): number {
    return this.#open.size
  }

  /** @param id left out, a new one is made: 128 random bits */
  open(client: Leg, id: string = randomBytes(16).toString('hex')): Session {
    const session = new Session(id, client, this.#books, () => this.#remove(session))
    this.#open.add(session)
    this.#underWay.begin()
    return session
  }

  /** Waits until the last one has ended, for so long at most. True when it has. */
  drained(milliseconds: number): Promise<boolean> {
    return this.#underWay.over(milliseconds)
  }

  cutAll(reason: CloseReason): void {
    for (const session of this.#open) session.cut(reason)
  }

  toJSON(): Session[] {
    return [...this.#open]
  }

  #remove(session: Session): void {
    this.#open.delete(session)
    this.#underWay.end()
  }
}
