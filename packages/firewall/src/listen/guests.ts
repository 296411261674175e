import type { Socket } from 'node:net'
import { DeepService } from '../deep/service.ts'
import type { Arrivals } from './arrivals.ts'
import type { ListenLimits } from './listen.ts'
import { peerText, visit } from './visit.ts'

/** Connections at once, counted by source. */
export class Guests {
  readonly #here = new Set<Socket>()
  readonly #bySource = new Map<string, number>()
  readonly #deep = new DeepService()
  readonly #arrivals: Arrivals
  readonly #limits: ListenLimits

  constructor(arrivals: Arrivals, limits: ListenLimits) {
    this.#arrivals = arrivals
    this.#limits = limits
  }

  welcome(socket: Socket, at: string): void {
    socket.on('error', () => {})
    const entry = this.#arrivals.add({
      protocol: 'tcp',
      at,
      from: peerText(socket),
      state: 'connected',
    })
    const source = socket.remoteAddress ?? 'unknown'
    const count = this.#bySource.get(source) ?? 0
    if (this.#here.size >= this.#limits.connections || count >= this.#limits.perSource) {
      this.#arrivals.tell(entry)
      socket.resetAndDestroy()
      return
    }
    this.#here.add(socket)
    this.#bySource.set(source, count + 1)
    socket.once('close', () => this.#gone(socket, source))
    void visit(socket, entry, this.#arrivals, this.#deep, this.#limits.patience)
  }

  sendAway(): void {
    for (const socket of this.#here) socket.destroy()
  }

  #gone(socket: Socket, source: string): void {
    this.#here.delete(socket)
    const left = (this.#bySource.get(source) ?? 1) - 1
    if (left > 0) this.#bySource.set(source, left)
    else this.#bySource.delete(source)
  }
}
