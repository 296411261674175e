import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  connect as connectTls,
  createServer as createTlsServer,
  type TlsOptions,
} from 'node:tls'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'

/**
 * One end of a real connection in a test's own hands, of bare sockets and none of our code: it writes down what it hears
 * and how the connection ended.
 */
export class End {
  readonly socket: Socket
  readonly raw: Socket
  /** all that came and was not taken by `read` */
  heard: Buffer = Buffer.alloc(0)
  /** the other side's FIN has come */
  ended = false
  closed = false
  error: NodeJS.ErrnoException | undefined
  /** takes what comes, instead of `heard` */
  onBytes: ((bytes: Buffer) => void) | undefined
  readonly #wakers = new Set<() => void>()

  /** @param socket the TLS socket over `raw`, if there is one */
  constructor(raw: Socket, socket: Socket = raw) {
    this.raw = raw
    this.socket = socket
    const note = (event: 'end' | 'close' | 'drain', happen: () => void): void =>
      void socket.on(event, () => {
        happen()
        this.#wake()
      })
    note('end', () => {
      this.ended = true
    })
    note('close', () => {
      this.closed = true
    })
    note('drain', () => {})
    raw.on('error', () => {})
    socket.on('error', (error) => {
      this.error = error
    })
    socket.on('data', (bytes: Buffer) => {
      if (this.onBytes) this.onBytes(bytes)
      else this.heard = Buffer.concat([this.heard, bytes])
      this.#wake()
    })
  }

  say(bytes: Uint8Array | string): void {
    this.socket.write(bytes)
  }

  /** FIN, after these last bytes. */
  finish(bytes: Uint8Array | string = ''): void {
    this.socket.end(bytes)
  }

  /** RST. */
  reset(): void {
    this.raw.resetAndDestroy()
  }

  /** Gone, without a goodbye of TLS. */
  destroy(): void {
    this.socket.destroy()
    this.raw.destroy()
  }

  /** Waits for so many bytes and takes them. */
  async read(count: number): Promise<Buffer> {
    await this.until(() => this.heard.length >= count || this.ended || this.closed)
    if (this.heard.length < count) {
      throw new Error(
        `${count} bytes were to come, and then an end: ${this.heard.toString('latin1')}`,
      )
    }
    const taken = this.heard.subarray(0, count)
    this.heard = this.heard.subarray(count)
    return taken
  }

  /** Waits for the other side's FIN, and gives all that came before it. */
  async rest(): Promise<Buffer> {
    await this.until(() => this.ended || this.closed)
    if (this.error) throw this.error
    return this.heard
  }

  /** Waits until nothing is left of the connection: the code of the error that ended it, or `clean`. */
  async ending(): Promise<string> {
    await this.until(() => this.closed)
    return this.error?.code ?? (this.ended ? 'clean' : 'destroyed')
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        this.#wakers.add(resolve)
      })
    }
  }

  #wake(): void {
    for (const wake of this.#wakers) wake()
    this.#wakers.clear()
  }
}

/** Opens a connection from a test, which ends with it. */
export async function openEnd(
  test: Test,
  { host, port }: Endpoint,
  tls?: ConnectionOptions,
): Promise<End> {
  const raw = connectTcp({ host, port, allowHalfOpen: true, noDelay: true })
  const end = new End(raw, tls && connectTls(overSocket(raw, tls)))
  test.teardown(() => end.destroy())
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  end.socket.once(tls ? 'secureConnect' : 'connect', resolve).once('error', reject)
  await promise
  return end
}

function overSocket(
  socket: Socket,
  tls: ConnectionOptions,
): ConnectionOptions & { allowHalfOpen: true } {
  return { servername: 'localhost', ...tls, socket, allowHalfOpen: true }
}

/** A server in a test's own hands: it accepts, and the test does the rest. */
export class EndServer {
  readonly at: Endpoint
  /** every connection that is open, TLS and all, in the order they came */
  readonly ends: End[] = []
  readonly #waiting: ((end: End) => void)[] = []
  readonly #sockets = new Set<Socket>()
  #taken = 0

  private constructor(at: Endpoint) {
    this.at = at
  }

  static async open(test: Test, tls?: TlsOptions): Promise<EndServer> {
    const server: Server = tls
      ? createTlsServer({ ...tls, allowHalfOpen: true })
      : createServer({ allowHalfOpen: true, noDelay: true })
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen({ host: '127.0.0.1', port: 0 }, resolve)
    await promise
    const { port } = server.address() as { port: number }
    const here = new EndServer({ host: '127.0.0.1', port })
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => here.#open(socket))
    server.on('connection', (raw: Socket) => here.#sockets.add(raw))
    server.on('tlsClientError', () => {})
    test.teardown(() => {
      server.close()
      here.drop()
    })
    return here
  }

  /** Destroys every connection there is, finished with TLS or not. */
  drop(): void {
    for (const raw of this.#sockets) raw.destroy()
    this.#sockets.clear()
  }

  /** The next connection that nobody has asked for yet. */
  next(): Promise<End> {
    const end = this.ends[this.#taken++]
    if (end !== undefined) return Promise.resolve(end)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #open(socket: Socket & { readonly _parent?: Socket | null }): void {
    const end = new End(socket._parent ?? socket, socket)
    this.ends.push(end)
    this.#waiting.shift()?.(end)
  }
}
