import { connect, createServer, type Socket } from 'node:net'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { breakOff } from './break-off.ts'

/** What passes a gate towards the server may be looked at; `cut` breaks this connection instead. */
export type Inspect = (bytes: Buffer, cut: () => void) => void

/**
 * A TCP forwarder between two daemons that a test can hold and cut: a slow server, a firewall, a host that dies.
 * It passes FINs on, and breaks with an RST.
 */
export class Gate {
  readonly at: Endpoint
  /** bytes towards the server that wait because the gate is held */
  waiting = 0
  readonly #sockets = new Set<Socket>()
  #held: (() => void)[] | undefined

  private constructor(at: Endpoint) {
    this.at = at
  }

  /** Opens a gate before `target`, on a free port of loopback. It ends with the test. */
  static async before(test: Test, target: Endpoint, inspect?: Inspect): Promise<Gate> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const host = target.host.includes(':') ? '::1' : '127.0.0.1'
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen({ host, port: 0 }, resolve)
    await promise
    const { port } = server.address() as { port: number }
    const gate = new Gate({ host, port })
    server.on('connection', (near) => gate.#join(near, target, inspect))
    test.teardown(() => {
      server.close()
      gate.cut()
    })
    return gate
  }

  get where(): string {
    return formatEndpoint(this.at)
  }

  /** From now on nothing passes; what comes waits. */
  hold(): void {
    this.#held ??= []
  }

  /** What has waited passes, in its order. */
  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    this.waiting = 0
    for (const pass of held) pass()
  }

  /** Breaks every connection there is. */
  cut(): void {
    for (const socket of this.#sockets) breakOff(socket)
  }

  #join(near: Socket, target: Endpoint, inspect: Inspect | undefined): void {
    const far = connect({ ...target, allowHalfOpen: true, noDelay: true })
    const cut = (): void => {
      breakOff(near)
      breakOff(far)
    }
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from
        .on('data', (bytes: Buffer) => {
          if (from === near) inspect?.(bytes, cut)
          if (from === near && this.#held) this.waiting += bytes.length
          this.#pass(() => to.write(bytes))
        })
        .on('end', () => this.#pass(() => to.end()))
        .on('error', () => {})
        .on('close', () => {
          this.#sockets.delete(from)
          if (from.errored || !from.readableEnded) breakOff(to)
        })
    }
  }

  #pass(action: () => void): void {
    if (this.#held === undefined) action()
    else this.#held.push(action)
  }
}
