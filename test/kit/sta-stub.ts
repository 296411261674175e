import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeResponseData } from '@doublehop/wire/sta-messages'
import type { Test } from 'tap'
import type { House } from './house.ts'

/** A request as it came, byte by byte. */
export interface Heard {
  /** `POST /Scripts/CtxSTA.dll HTTP/1.1` */
  readonly first: string
  /** as they were written, in order */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** In the place of an STA: writes down exactly what arrives, and answers what the test wants. */
export class StaStub {
  readonly at: Endpoint
  readonly heard: Heard[] = []
  /** bytes that came behind the last whole request */
  rest = ''
  /** its next answers; when none is left, a ticket of the counting server's address */
  readonly answers: string[] = []
  connections = 0
  /** how answers become bytes */
  encoding: 'utf8' | 'latin1' = 'utf8'
  readonly #address: string

  private constructor(at: Endpoint, address: string) {
    this.at = at
    this.#address = address
  }

  /** @param address where every ticket leads */
  static async listen(test: Test, house: House, address: string): Promise<StaStub> {
    const read = (file: string): Buffer => readFileSync(join(house.folder, 'certs/sta', file))
    const options = {
      cert: read('tls.crt'),
      key: read('tls.key'),
      ca: read('ca.crt'),
      requestCert: true,
    }
    const server = createServer(options)
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', resolve)
    await promise
    const { port } = server.address() as { port: number }
    const stub = new StaStub({ host: '127.0.0.1', port }, address)
    const open = new Set<TLSSocket>()
    server.on('secureConnection', (socket) => {
      open.add(socket)
      stub.#serve(socket)
    })
    test.teardown(() => {
      server.close()
      for (const socket of open) socket.destroy()
    })
    return stub
  }

  get url(): string {
    return `https://127.0.0.1:${this.at.port}`
  }

  /** 200 with the data of a ticket, and these further headers. */
  good(headers = ''): string {
    const body = Buffer.from(
      encodeResponseData([{ name: 'CGPAddress', value: this.#address }]),
    ).toString()
    return `HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  }

  #serve(socket: TLSSocket): void {
    this.connections++
    let held = ''
    socket
      .on('error', () => {})
      .on('data', (bytes: Buffer) => {
        held += bytes.toString('latin1')
        for (let request = readRequest(held); request !== undefined; request = readRequest(held)) {
          held = held.slice(request.length)
          this.heard.push(request.heard)
          socket.write(this.answers.shift() ?? this.good(), this.encoding)
        }
        this.rest = held
      })
  }
}

function readRequest(text: string): { heard: Heard; length: number } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
  })
  const announced = Number(
    headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1] ?? 0,
  )
  const length = end + 4 + announced
  if (text.length < length) return
  return { heard: { first, headers, body: text.slice(end + 4, length) }, length }
}
