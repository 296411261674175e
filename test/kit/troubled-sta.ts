import { readFileSync } from 'node:fs'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { AUTHORITY_HEADER, encodeResponseData } from '@doublehop/wire/sta-messages'
import type { Test } from 'tap'
import type { House } from './house.ts'

/** What an STA in trouble does with the request that has come; undefined: what a good one would. */
export type Trouble = (socket: Socket, good: () => void) => void

/** In the place of an STA: in trouble or well, as a test wants. It knows every ticket, by one address of a server. */
export class TroubledSta {
  /** what becomes of POSTs */
  trouble: Trouble | undefined
  /** connections get no TLS */
  deaf = false
  /** the id it tells */
  id = 'STA01'
  readonly at: Endpoint
  readonly #address: string
  readonly #open = new Set<Socket>()

  private constructor(at: Endpoint, address: string) {
    this.at = at
    this.#address = address
  }

  /** @param address where every ticket leads */
  static async listen(test: Test, house: House, address: string): Promise<TroubledSta> {
    const read = (file: string): Buffer => readFileSync(join(house.folder, 'certs/sta', file))
    const tls = createTlsServer({
      cert: read('tls.crt'),
      key: read('tls.key'),
      ca: read('ca.crt'),
      requestCert: true,
    })
    const server = createTcpServer((raw) => {
      raw.on('error', () => {})
      sta.#open.add(raw.once('close', () => sta.#open.delete(raw)))
      if (!sta.deaf) tls.emit('connection', raw)
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', resolve)
    await promise
    const { port } = server.address() as { port: number }
    const sta = new TroubledSta({ host: '127.0.0.1', port }, address)
    tls.on('secureConnection', (socket) => sta.#serve(socket)).on('tlsClientError', () => {})
    test.teardown(() => {
      server.close()
      sta.hangUp()
    })
    return sta
  }

  get url(): string {
    return `https://127.0.0.1:${this.at.port}`
  }

  /** Ends every connection there is. */
  hangUp(): void {
    for (const raw of this.#open) raw.destroy()
  }

  #serve(socket: Socket): void {
    let held = ''
    socket
      .on('error', () => {})
      .on('data', (bytes: Buffer) => {
        held += bytes.toString('latin1')
        const isGet = held.startsWith('GET ') && held.endsWith('\r\n\r\n')
        const isPost = held.startsWith('POST ') && held.includes('</CtxSTAProtocol>')
        if (!isGet && !isPost) return
        held = ''
        if (isGet) return void socket.write(httpAnswer('406 Not Acceptable', '', this.id))
        const good = (): void => void socket.write(httpAnswer('200 OK', this.#data))
        if (this.trouble === undefined) good()
        else this.trouble(socket, good)
      })
  }

  get #data(): string {
    return Buffer.from(
      encodeResponseData([{ name: 'CGPAddress', value: this.#address }]),
    ).toString()
  }
}

/** An answer of HTTP, as an STA would write it. */
export function httpAnswer(status: string, body: string, id?: string): string {
  const told = id === undefined ? '' : `${AUTHORITY_HEADER}: ${id}\r\n`
  return `HTTP/1.1 ${status}\r\nContent-Type: text/xml\r\n${told}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
