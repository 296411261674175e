import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { freePort, listens } from './free-port.ts'

/**
 * A way to a daemon that can be shut and opened again: while it is shut, connections are refused as if the daemon were
 * down, and the daemon keeps what it holds in memory.
 */
export class Door {
  readonly at: Endpoint
  readonly #target: Endpoint
  readonly #open = new Set<Socket>()
  #server: Server | undefined

  private constructor(at: Endpoint, target: Endpoint) {
    this.at = at
    this.#target = target
  }

  /** An open door before this daemon. It ends with the test. */
  static async before(test: Test, target: Endpoint): Promise<Door> {
    const door = new Door({ host: '127.0.0.1', port: await freePort() }, target)
    await door.open()
    test.teardown(() => door.shut())
    return door
  }

  get where(): string {
    return formatEndpoint(this.at)
  }

  async open(): Promise<void> {
    if (this.#server !== undefined) return
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#join(near))
    if (!(await listens(this.#server, this.at.host, this.at.port)))
      throw new Error(`${this.where} is taken`)
  }

  /** Breaks what passes and lets nothing more pass. */
  async shut(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.#open) socket.destroy()
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  }

  #join(near: Socket): void {
    const far = connect({ ...this.#target, allowHalfOpen: true })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(one)
      one
        .on('error', () => {})
        .on('close', () => {
          this.#open.delete(one)
          other.destroy()
        })
      one.pipe(other)
    }
  }
}
