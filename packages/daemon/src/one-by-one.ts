import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Who sends so many requests ahead of their answers is no client of ours. */
const MOST_WAITING = 100

/**
 * Answers the requests of a connection one by one. Node hands over each as soon as it is read, so what stands behind one
 * that ends the connection would be done all the same, without an answer. Here it is never begun.
 */
export function oneByOne(answer: RequestListener): RequestListener {
  const last = new WeakMap<Socket, ServerResponse>()
  const waiting = new WeakMap<Socket, number>()

  return (request, response) => {
    const { socket } = request
    const begin = (): void => {
      if (!socket.destroyed && !socket.writableEnded) answer(request, response)
    }
    const before = last.get(socket)
    last.set(socket, response)
    if (before === undefined || before.closed) return begin()
    const count = (waiting.get(socket) ?? 0) + 1
    if (count > MOST_WAITING) return void socket.destroy()
    waiting.set(socket, count)
    before.once('close', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1)
      begin()
    })
  }
}

/** Exactly one Host, as HTTP/1.1 wants it (RFC 9112, 3.2): with two, two readers may each believe another one. */
export function namesItsHost({ httpVersion, rawHeaders }: IncomingMessage): boolean {
  const names = rawHeaders.filter((_, at) => at % 2 === 0)
  const hosts = names.filter((name) => name.toLowerCase() === 'host').length
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0')
}

/** An answer without a word, behind which nothing more is heard. */
export function refuseHttp(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0, connection: 'close' }).end()
}
