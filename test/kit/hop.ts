import { readFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { concat } from '@doublehop/wire/conversation'
import { encodeAddress, METHOD, VERSION } from '@doublehop/wire/socks5-messages'
import { encodeRequestData, STA_PATH } from '@doublehop/wire/sta-messages'
import { bytesOf } from '@doublehop/wire/text'
import type { House, Running } from './house.ts'

/** An HTTP answer as it came. */
export interface HttpAnswer {
  readonly status: number
  /** by lower-case name */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What became of a CONNECT. */
export interface ConnectAnswer {
  /** the reply code of RFC 1928, 6 */
  readonly reply: number
  /** from the CONNECT to its reply */
  readonly milliseconds: number
  readonly hop: Hop
}

/** How a hand-driven gateway shows itself: `certs/<role>/`, another folder with tls.crt and tls.key, or not at all. */
export interface Showing {
  /** a folder below `certs/`, or an absolute one; `plain` is TCP without TLS */
  readonly as?: string
  /** the address it comes from */
  readonly from?: string
}

/** The name and password of a CONNECT to an STA. */
export const NOBODY = ['-', '-'] as const
/** A session id that no gateway has made. */
export const SESSION = '0123456789abcdef0123456789abcdef'

/** A gateway driven by hand: one connection to a proxy, on which a test says whatever it likes. */
export class Hop {
  readonly socket: Socket
  #held: Buffer = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket
      .on('data', (bytes: Buffer) => {
        this.#held = Buffer.concat([this.#held, bytes])
        this.#wake()
      })
      .on('error', () => {})
      .on('close', () => this.#end())
      .on('end', () => this.#end())
  }

  /** Opens a connection to a daemon, by mutual TLS unless told otherwise. It ends with the daemons of the house. */
  static async open(
    house: House,
    daemon: Running,
    { as = 'gateway', from }: Showing = {},
  ): Promise<Hop> {
    const { host = '', port = 0 } = daemon.at.listen ?? {}
    const raw = connectTcp({ host, port, allowHalfOpen: true, ...(from && { localAddress: from }) })
    const socket = as === 'plain' ? raw : connectTls({ socket: raw, ...readIdentity(house, as) })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.once(as === 'plain' ? 'connect' : 'secureConnect', resolve).once('error', reject)
    await promise
    return new Hop(socket)
  }

  /** Greets and logs in (RFC 1928, 3; RFC 1929), and asks for a destination. */
  async connect(
    host: string | Uint8Array,
    port: number,
    login: readonly [string, string],
  ): Promise<ConnectAnswer> {
    this.write(concat(Uint8Array.of(VERSION, 1, METHOD.password), loginOf(login)))
    await this.read(4)
    const asked = performance.now()
    this.write(connectTo(host, port))
    const [, reply = -1] = await this.read(10)
    return { reply, milliseconds: performance.now() - asked, hop: this }
  }

  /** Writes a request and reads its answer. */
  async ask(request: string | Uint8Array): Promise<HttpAnswer> {
    this.write(request)
    return await this.readAnswer()
  }

  /** Reads one HTTP answer, with the body that its Content-Length announces. */
  async readAnswer(): Promise<HttpAnswer> {
    await this.#until(() => this.#held.includes('\r\n\r\n'))
    const end = this.#held.indexOf('\r\n\r\n')
    const [first = '', ...lines] = (await this.read(end + 4))
      .toString('latin1')
      .trimEnd()
      .split('\r\n')
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    )
    const body = await this.read(Number(headers['content-length'] ?? 0))
    return { status: Number(first.split(' ')[1]), headers, body: body.toString() }
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Waits for exactly so many bytes. */
  async read(count: number): Promise<Buffer> {
    await this.#until(() => this.#held.length >= count)
    const taken = this.#held.subarray(0, count)
    this.#held = this.#held.subarray(count)
    return taken
  }

  /** Waits for the other end to be done, and gives what it said until then. */
  async rest(): Promise<Buffer> {
    await this.#until(() => this.#ended).catch(() => {})
    return this.#held
  }

  destroy(): void {
    this.socket.destroy()
  }

  #end(): void {
    this.#ended = true
    this.#wake()
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#ended)
        throw new Error(
          `the other end is done, and said last: ${this.#held.toString('latin1').slice(0, 200)}`,
        )
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

/** Opens a connection, asks for a destination, and tells what came of it. */
export async function connectVia(
  house: House,
  proxy: Running,
  destination: { readonly host: string | Uint8Array; readonly port: number },
  login: readonly [string, string],
  showing: Showing = {},
): Promise<ConnectAnswer> {
  const hop = await Hop.open(house, proxy, showing)
  return await hop.connect(destination.host, destination.port, login)
}

/** A connection on which the relay to an STA answers. */
export async function openRelay(
  house: House,
  proxy: Running,
  sta: Running['at'][string],
  showing: Showing = {},
): Promise<Hop> {
  const { hop, reply } = await connectVia(house, proxy, sta, NOBODY, showing)
  if (reply !== 0) throw new Error(`no way to the STA: reply ${reply}`)
  return hop
}

/** A RequestData as a gateway sends it, to be changed at will. */
export function redemption(hex: string, { session = SESSION, headers = '' } = {}): string {
  const body = Buffer.from(encodeRequestData({ hex })).toString()
  return httpPost(body, `Doublehop-Session: ${session}\r\n${headers}`)
}

/** A POST to the STA with these further headers, each with its line end. */
export function httpPost(body: string, headers = '', path = STA_PATH): string {
  return `POST ${path} HTTP/1.1\r\nHost: sta\r\nContent-Type: text/xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`
}

/** Redeems a ticket at the relay and gives the grant. */
export async function grantFor(
  house: House,
  proxy: Running,
  sta: Running['at'][string],
  hex: string,
  showing: Showing & { readonly session?: string } = {},
): Promise<string> {
  const hop = await openRelay(house, proxy, sta, showing)
  const { status, headers, body } = await hop.ask(
    redemption(hex, showing.session === undefined ? {} : { session: showing.session }),
  )
  hop.destroy()
  const grant = headers['doublehop-grant']
  if (grant === undefined) throw new Error(`no grant: ${status} ${body}`)
  return grant
}

/** A CONNECT (RFC 1928, 4). @param host a name or address, or the whole address field up to the port */
function connectTo(host: string | Uint8Array, port: number): Uint8Array {
  const head = Uint8Array.of(VERSION, 1, 0)
  if (typeof host === 'string') return concat(head, encodeAddress({ host, port }))
  return concat(head, host, Uint8Array.of(port >> 8, port & 255))
}

/** This text as the name of a CONNECT, even where it spells an address. */
export function asName(text: string): Uint8Array {
  return concat(Uint8Array.of(3, text.length), bytesOf(text))
}

function loginOf([username, password]: readonly [string, string]): Uint8Array {
  return concat(
    Uint8Array.of(1, username.length),
    bytesOf(username),
    Uint8Array.of(password.length),
    bytesOf(password),
  )
}

function readIdentity(house: House, as: string) {
  const folder = as.startsWith('/') ? as : join(house.folder, 'certs', as)
  const read = (file: string): Buffer => readFileSync(file)
  return {
    cert: read(join(folder, 'tls.crt')),
    key: read(join(folder, 'tls.key')),
    ca: read(join(house.folder, 'certs/ca/ca.crt')),
    servername: 'localhost',
  }
}
