import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'

/** npm's socksv5 0.0.6, played without a socket: another reading of RFC 1928 to hold ours against. */

export interface Input {
  /** which methods the server takes, in order of preference */
  readonly methods: readonly ('none' | 'password')[]
  /** what arrives, and how it is cut */
  readonly pieces: readonly Uint8Array[]
}

export type Verdict =
  | {
      readonly kind: 'accepted'
      readonly host: string
      readonly port: number
      readonly login: string | undefined
      /** hex of what was said until then */
      readonly said: string
      /** hex of the data behind the request */
      readonly early: string
    }
  | { readonly kind: 'waiting'; readonly said: string }
  | { readonly kind: 'refused' }
  /** out of the middle of an event handler, which ends the process */
  | { readonly kind: 'threw' }

/** Every login is good but this one. */
export const WRONG_PASSWORD = 'wrong'

export function isAccepted(password: string): boolean {
  return password !== WRONG_PASSWORD
}

interface OtherServer extends EventEmitter {
  useAuth(auth: unknown): void
  /** what its net.Server calls for each connection */
  _onConnection(socket: EventEmitter): void
}

const { createServer, auth } = createRequire(import.meta.url)('socksv5') as {
  readonly createServer: () => OtherServer
  readonly auth: {
    None(): unknown
    UserPassword(
      verify: (user: string, password: string, done: (good: boolean) => void) => void,
    ): unknown
  }
}

/** As much of a socket as socksv5 touches: flows only while somebody listens, and takes back what was not read. */
class Wire extends EventEmitter {
  readonly writable = true
  said = ''
  ended = false
  unread: Buffer[] = []
  #flowing = false

  write(bytes: Buffer): void {
    this.said += bytes.toString('hex')
  }
  end(): void {
    this.ended = true
  }
  pause(): void {
    this.#flowing = false
  }
  resume(): void {
    this.#flowing = true
  }
  unshift(bytes: Buffer): void {
    this.unread.unshift(bytes)
  }
  arrive(bytes: Uint8Array): void {
    this.unread.push(Buffer.from(bytes))
    while (this.#flowing && !this.ended && this.unread.length > 0) {
      this.emit('data', this.unread.shift())
    }
  }
}

const others = new Map<string, OtherServer>()
/** What the connection that is being played has told so far. */
let told: { request?: { dstAddr: string; dstPort: number }; login?: string } = {}

function otherServer(methods: Input['methods']): OtherServer {
  const known = others.get(methods.join())
  if (known !== undefined) return known
  const server = createServer()
  for (const method of methods)
    server.useAuth(method === 'none' ? auth.None() : auth.UserPassword(judge))
  server.on('connection', (request) => {
    told.request = request
  })
  others.set(methods.join(), server)
  return server
}

function judge(username: string, password: string, done: (good: boolean) => void): void {
  told.login = `${username}:${password}`
  done(isAccepted(password))
}

/** What socksv5 makes of this input. */
export function verdictOfSocksv5({ methods, pieces }: Input): Verdict {
  told = {}
  const wire = new Wire()
  otherServer(methods)._onConnection(wire)
  try {
    for (const piece of pieces) if (piece.length > 0) wire.arrive(piece)
  } catch {
    return { kind: 'threw' }
  }
  if (wire.ended) return { kind: 'refused' }
  const { request, login } = told
  if (request === undefined) return { kind: 'waiting', said: wire.said }
  return {
    kind: 'accepted',
    host: request.dstAddr,
    port: request.dstPort,
    login,
    said: wire.said,
    early: Buffer.concat(wire.unread).toString('hex'),
  }
}
