import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'

/** What the thread behind a full queue is told to do next. */
export const NEXT = { wait: 0, forward: 1, close: 2 } as const

/** How many connections the kernel takes for a listener that accepts none, with a backlog of 1. */
const ROOM = 2

/**
 * A listener whose queue is full: the kernel drops whatever else wants to connect, as a firewall does. It stands before
 * a server, to which `release` lets pass what has waited; `refuse` closes it instead. It ends with the test.
 *
 * It runs in a thread of its own, because Node accepts whatever comes unless its thread stands still.
 */
export class FullQueue {
  readonly at: Endpoint
  readonly #next: Int32Array
  readonly #fillers: readonly Socket[]

  private constructor(at: Endpoint, next: Int32Array, fillers: readonly Socket[]) {
    this.at = at
    this.#next = next
    this.#fillers = fillers
  }

  /** @param port to listen on; a free one if left out */
  static async before(test: Test, target: Endpoint, port?: number): Promise<FullQueue> {
    const at = { host: '127.0.0.1', port: port ?? (await freePort()) }
    const next = new Int32Array(new SharedArrayBuffer(4))
    const worker = new Worker(new URL('./full-queue-thread.ts', import.meta.url), {
      workerData: { at, target, next },
    })
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    const fillers = await Promise.all(Array.from({ length: ROOM }, () => fill(at)))
    const queue = new FullQueue(at, next, fillers)
    test.teardown(async () => {
      queue.refuse()
      await worker.terminate()
    })
    return queue
  }

  get where(): string {
    return formatEndpoint(this.at)
  }

  /** Whatever has waited, and comes from now on, is forwarded; a connection that was dropped tries again within a second. */
  release(): void {
    this.#tell(NEXT.forward)
  }

  /** Nothing listens here any more. */
  refuse(): void {
    this.#tell(NEXT.close)
  }

  #tell(what: number): void {
    for (const filler of this.#fillers) filler.resetAndDestroy()
    Atomics.compareExchange(this.#next, 0, NEXT.wait, what)
    Atomics.notify(this.#next, 0)
  }
}

async function fill(at: Endpoint): Promise<Socket> {
  const filler = connect(at)
  filler.on('error', () => {})
  await new Promise((resolve) => filler.once('connect', resolve))
  return filler
}
