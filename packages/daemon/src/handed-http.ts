import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { Socket } from 'node:net'
import { type Fault, fault } from '@doublehop/errors/fault'
import type { Leg } from './leg.ts'
import { namesItsHost, oneByOne, refuseHttp } from './one-by-one.ts'

/** What Node answers, by the code of what its parser met; 400 else. */
const STATUS: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
}

export interface HttpLimits {
  /** from the first byte of a request to its last */
  readonly requestMilliseconds: number
  /** the head of a request */
  readonly headBytes: number
  /** how long a connection may rest; left out, three times as long as those who ask keep one */
  readonly keepMilliseconds?: number
}

/**
 * An HTTP server that listens nowhere: it is handed connections on which something else was said before, each with
 * what is known about it.
 *
 * Node keeps account of a server's connections, and so of their time limits, only from when it listens. So this one
 * is told that it does. A test holds that against the running Node.
 */
export class HandedHttp<About> {
  readonly #server: Server
  readonly #about = new WeakMap<object, About>()
  /** connections that were let in since the configuration changed last */
  #current = new WeakSet<object>()
  readonly #answering = new WeakMap<object, ServerResponse>()

  /**
   * @param limits kept to the second
   * @param onLimit a request that took too long to come, or whose head was too long
   */
  constructor(
    { requestMilliseconds, headBytes, keepMilliseconds = 30_000 }: HttpLimits,
    answer: (request: IncomingMessage, response: ServerResponse, about: About) => void,
    onLimit: (failure: Fault, about: About) => void = () => {},
  ) {
    this.#server = createServer({
      headersTimeout: requestMilliseconds,
      requestTimeout: requestMilliseconds,
      keepAliveTimeout: keepMilliseconds,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: headBytes,
      // What Node refuses by itself it refuses out of turn.
      requireHostHeader: false,
    })
      .on(
        'request',
        oneByOne((request, response) => {
          this.#answering.set(request.socket, response)
          if (!this.#current.has(request.socket)) response.setHeader('connection', 'close')
          if (!namesItsHost(request)) return refuseHttp(response, 400)
          if (!/^100-continue$/i.test(request.headers.expect ?? '100-continue'))
            return refuseHttp(response, 417)
          answer(request, response, this.#about.get(request.socket) as About)
        }),
      )
      .on('clientError', (error: NodeJS.ErrnoException, socket) => {
        const limit = this.#limitOf(error, headBytes)
        if (limit !== undefined) onLimit(limit, this.#about.get(socket) as About)
        this.#refuse(socket as Socket, error)
      })
      .on('checkExpectation', (...asked) => void this.#server.emit('request', ...asked))
    this.#server.emit('listening')
  }

  /** Serves this connection from here on. */
  serve(leg: Leg, about: About): void {
    const socket = leg.handOver()
    this.#about.set(socket, about)
    this.#current.add(socket)
    this.#server.emit('connection', socket)
  }

  /**
   * The configuration has changed. Requests have so long from now on; whoever was let in before is to come again after
   * one more answer, and be judged by what holds then.
   */
  renew(requestMilliseconds: number): void {
    this.#current = new WeakSet()
    this.#server.headersTimeout = requestMilliseconds
    this.#server.requestTimeout = requestMilliseconds
  }

  #limitOf({ code }: Error & { code?: string }, headBytes: number): Fault | undefined {
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      const seconds = this.#server.requestTimeout / 1000
      return fault('DH_HANDSHAKE_DEADLINE', { what: 'the HTTP request', seconds })
    }
    if (code === 'HPE_HEADER_OVERFLOW')
      return fault('DH_HANDSHAKE_LENGTH', {
        what: 'the head of the HTTP request',
        limit: headBytes,
      })
    return undefined
  }

  /** Answers what is no request, unless another answer has begun, and ends the connection: as Node does by itself. */
  #refuse(socket: Socket, { code = '' }: NodeJS.ErrnoException): void {
    if (!socket.writable) return // it is told once, however much it says behind a broken request
    const answering = this.#answering.get(socket)
    const hasBegun = answering !== undefined && !answering.closed && answering.headersSent
    const status = STATUS[code] ?? 400
    if (!hasBegun)
      socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`)
    socket.destroySoon()
  }

  /** Ends every connection at once. */
  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
