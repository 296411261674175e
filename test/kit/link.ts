import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { freePort, listens } from './free-port.ts'
import { type Direction, LinkedConnection } from './linked-connection.ts'

export interface Holding {
  /** ports from which the link reached its target: these connections go on */
  readonly spare?: ReadonlySet<number>
  /** handshakes of TLS 1.3 pass upwards, and what is said behind them waits */
  readonly behindHandshakes?: boolean
}

/**
 * The wire between two daemons, in a test's hands: it holds what passes in one direction until it is told to let it
 * pass, or to lose it. FINs wait behind the bytes before them, as on a real wire.
 */
export class Link {
  readonly at: Endpoint
  readonly #target: Endpoint
  readonly #connections = new Set<LinkedConnection>()
  readonly #holding: Record<Direction, Holding | undefined> = { up: undefined, down: undefined }
  /** how much later everything arrives, milliseconds */
  delay = 0
  #server: Server | undefined

  private constructor(at: Endpoint, target: Endpoint) {
    this.at = at
    this.#target = target
  }

  /** A link before this daemon, on a port of its own that it keeps. It ends with the test. */
  static async before(test: Test, target: Endpoint): Promise<Link> {
    const link = new Link({ host: '127.0.0.1', port: await freePort() }, target)
    await link.open()
    test.teardown(() => {
      link.shut()
      link.cut()
    })
    return link
  }

  get where(): string {
    return formatEndpoint(this.at)
  }

  /** Connections on which more than so many bytes wait in this direction. */
  waiting(direction: Direction, bytes = 0): number {
    return [...this.#connections].filter((one) => one.waiting(direction) > bytes).length
  }

  /** From now on nothing passes in this direction. */
  hold(direction: Direction, how: Holding = {}): void {
    this.#holding[direction] = how
    for (const one of this.#connections) if (!how.spare?.has(one.port)) one.hold(direction)
  }

  /** What waited passes, and what comes from now on; in both directions unless told otherwise. */
  release(...directions: readonly Direction[]): void {
    for (const direction of directions.length > 0 ? directions : (['up', 'down'] as const)) {
      this.#holding[direction] = undefined
      for (const one of this.#connections) one.release(direction)
    }
  }

  /** What waits in this direction never arrives; the end behind it does. */
  lose(direction: Direction): void {
    for (const one of this.#connections) one.lose(direction)
  }

  /** Whoever connects is refused; what is open stays. */
  shut(): void {
    this.#server?.close()
    this.#server = undefined
  }

  /** Takes connections, again after `shut`. */
  async open(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#join(near))
    this.#server = server
    if (!(await listens(server, this.at.host, this.at.port)))
      throw new Error(`${this.where} is taken`)
  }

  /** Breaks every connection but these. @param spare as when holding */
  cut(spare: ReadonlySet<number> = new Set()): void {
    for (const one of this.#connections) if (!spare.has(one.port)) one.break()
  }

  #join(near: Socket): void {
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
    const gone = (): void => void this.#connections.delete(connection)
    const connection = new LinkedConnection(near, far, () => this.delay, gone)
    this.#connections.add(connection)
    for (const direction of ['up', 'down'] as const) {
      const how = this.#holding[direction]
      if (how !== undefined) connection.hold(direction, how.behindHandshakes)
    }
  }
}
