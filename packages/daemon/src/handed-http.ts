import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Leg } from './leg.ts'

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

  /** @param options time limits are kept to the second */
  constructor(
    options: ServerOptions,
    answer: (request: IncomingMessage, response: ServerResponse, about: About) => void,
  ) {
    this.#server = createServer(
      { ...options, connectionsCheckingInterval: 1000 },
      (request, response) => answer(request, response, this.#about.get(request.socket) as About),
    )
    this.#server.emit('listening')
  }

  /** Serves this connection from here on. */
  serve(leg: Leg, about: About): void {
    const socket = leg.handOver()
    this.#about.set(socket, about)
    this.#server.emit('connection', socket)
  }

  /** Ends every connection at once. */
  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
