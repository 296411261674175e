/** The thread of `full-queue.ts`: it listens, stands still until it is told what to do, and does it. */
import { connect, createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { NEXT } from './full-queue.ts'

const { at, target, next } = workerData as { at: Endpoint; target: Endpoint; next: Int32Array }

const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  near.on('error', () => {})
  if (near.remoteAddress === undefined) return void near.destroy() // filled the queue, and was reset
  const far = connect({ ...target, allowHalfOpen: true, noDelay: true })
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one
      .on('data', (bytes: Buffer) => other.write(bytes))
      .on('end', () => other.end())
      .on('error', () => {})
      .on('close', () => {
        if (one.errored || !one.readableEnded) other.resetAndDestroy()
      })
  }
})
server.listen({ ...at, backlog: 1 }, () => {
  parentPort?.postMessage('listening')
  setImmediate(() => {
    Atomics.wait(next, 0, NEXT.wait)
    if (next[0] === NEXT.close) server.close()
  })
})
