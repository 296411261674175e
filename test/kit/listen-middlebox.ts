import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What stands between two hosts and does them no good. */
export interface Middlebox {
  readonly port: number
  close(): void
}

export interface MiddleboxHabits {
  /** changes what passes towards the destination */
  readonly up?: (chunk: Buffer) => Buffer
  /** takes the end of one direction for the end of both */
  readonly closesBoth?: boolean
  /** forgets a connection over which nothing came for so long, in ms, and says nothing of it */
  readonly forgetsAfter?: number
}

/** A relay on loopback with such habits. */
export async function middlebox(to: number, habits: MiddleboxHabits): Promise<Middlebox> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    for (const one of [near, far]) {
      sockets.add(one)
      one.on('error', () => {}).on('close', () => sockets.delete(one))
    }
    join(near, far, habits, habits.up ?? ((chunk) => chunk))
    join(far, near, habits, (chunk) => chunk)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const one of sockets) one.destroy()
    },
  }
}

function join(
  from: Socket,
  to: Socket,
  habits: MiddleboxHabits,
  change: (chunk: Buffer) => Buffer,
) {
  const { forgetsAfter, closesBoth = false } = habits
  let last = performance.now()
  to.on('drain', () => from.resume())
  from
    .on('data', (chunk: Buffer) => {
      const idle = performance.now() - last
      last = performance.now()
      if (forgetsAfter !== undefined && idle > forgetsAfter) return
      if (!to.write(change(chunk))) from.pause()
    })
    .on('end', () => {
      to.end()
      if (closesBoth) from.end()
    })
    .on('close', () => to.destroySoon())
}
