import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'

/** Node looks for requests that are over their time every 30 s, unless told otherwise. */
const LOOK_MILLISECONDS = 1000

/** Options of an HTTP server by which a request, from its first byte to its last, has so long, and a second more at most. */
export function requestDeadline(milliseconds: number) {
  return {
    headersTimeout: milliseconds,
    requestTimeout: milliseconds,
    connectionsCheckingInterval: Math.min(milliseconds, LOOK_MILLISECONDS),
  }
}

/**
 * An HTTP server that listens nowhere: it is handed its connections with `emit('connection', socket)`.
 *
 * Node holds requests to their deadline, and knows which connections to close at the end, from the moment a server
 * listens; so this one is told that it does. A test holds that against the running Node.
 */
export function handedServer(options: ServerOptions, handle: RequestListener): Server {
  const server = createServer(options, handle)
  server.emit('listening')
  return server
}
