import { createServer, type Socket } from 'node:net'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'

/** One connection to a stub. */
export interface StubSession {
  readonly socket: Socket
  /** when it came (performance.now()) */
  readonly since: number
  /** each piece as one read gave it */
  readonly reads: Buffer[]
  /** the other end has said all it wanted */
  ended: boolean
  /** nothing is left of it */
  closed: boolean
}

/** A bare TCP server in the place of a VDA, which writes down what reaches it. */
export class StubVda {
  readonly at: Endpoint
  readonly sessions: StubSession[] = []

  private constructor(at: Endpoint) {
    this.at = at
  }

  /** @param serve what it does with a session; sends everything back if left out */
  static async listen(
    test: Test,
    serve: (session: StubSession) => void = echo,
    host = '127.0.0.1',
  ): Promise<StubVda> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen({ host, port: 0 }, resolve)
    await promise
    const { port } = server.address() as { port: number }
    const stub = new StubVda({ host, port })
    server.on('connection', (socket) => stub.#open(socket, serve))
    test.teardown(() => {
      server.close()
      for (const { socket } of stub.sessions) socket.destroy()
    })
    return stub
  }

  get where(): string {
    return formatEndpoint(this.at)
  }

  /** All that the newest session has brought so far. */
  get heard(): Buffer {
    return Buffer.concat(this.sessions.at(-1)?.reads ?? [])
  }

  #open(socket: Socket, serve: (session: StubSession) => void): void {
    const session: StubSession = {
      socket,
      since: performance.now(),
      reads: [],
      ended: false,
      closed: false,
    }
    this.sessions.push(session)
    socket
      .on('data', (bytes: Buffer) => void session.reads.push(bytes))
      .on('end', () => {
        session.ended = true
      })
      .on('close', () => {
        session.closed = true
      })
      .on('error', () => {})
    serve(session)
  }
}

function echo({ socket }: StubSession): void {
  socket.on('data', (bytes) => {
    if (!socket.write(bytes)) socket.pause()
  })
  socket.on('drain', () => socket.resume()).on('end', () => socket.end())
}
