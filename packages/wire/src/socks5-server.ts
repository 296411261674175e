import { fault } from '@doublehop/errors/fault'
import { type Conversation, say, take, takeByte } from './conversation.ts'
import {
  COMMAND,
  encodeReply,
  METHOD,
  REPLY,
  type SocksDestination,
  takeAddress,
  VERSION,
} from './socks5-messages.ts'
import { utf8 } from './text.ts'

export interface Credentials {
  /** 1 to 255 bytes */
  readonly username: string
  readonly password: string
}

/** How a listener wants its clients to log in. */
export interface LoginPolicy {
  /** taken in this order of preference, if the client offers it */
  readonly methods: readonly ('none' | 'password')[]
  /** whether these credentials are good; left out, any are taken here and judged later */
  readonly verify?: (credentials: Credentials) => boolean
}

/** A CONNECT that waits for its reply. */
export interface ConnectRequest {
  readonly destination: SocksDestination
  readonly credentials?: Credentials
}

/**
 * The server's side of SOCKS5 up to the CONNECT (RFC 1928, 3 to 5; RFC 1929). The reply to the CONNECT is
 * the caller's; what is no CONNECT is answered here, with a whole reply, and then thrown.
 *
 * @throws Fault DH_SOCKS_VERSION, _METHOD, _LOGIN, _FORM, _COMMAND, _ADDRESS_TYPE
 */
export function* acceptSocks(policy: LoginPolicy): Conversation<ConnectRequest> {
  const version = yield* takeByte()
  if (version !== VERSION) {
    throw fault('DH_SOCKS_VERSION', { version, hint: guessProtocol(version) })
  }
  const offered = yield* take(yield* takeByte())
  const method = policy.methods.find((name) => offered.includes(METHOD[name]))
  if (method === undefined) {
    yield* say(Uint8Array.of(VERSION, METHOD.unacceptable))
    throw fault('DH_SOCKS_METHOD', {
      offered: [...offered].join(' ') || 'none',
      wanted: policy.methods.map((name) => METHOD[name]).join(' or '),
    })
  }
  yield* say(Uint8Array.of(VERSION, METHOD[method]))
  const credentials = method === 'password' ? yield* acceptLogin(policy) : undefined
  const destination = yield* acceptConnect()
  return { destination, ...(credentials && { credentials }) }
}

/** User name and password (RFC 1929, 2): 01, then each with its length before it; 00 means taken. */
function* acceptLogin({ verify = () => true }: LoginPolicy): Conversation<Credentials> {
  const version = yield* takeByte()
  if (version !== 1) throw fault('DH_SOCKS_FORM', { why: `login version ${version}, not 1` })
  const username = utf8(yield* take(yield* takeByte()))
  const password = utf8(yield* take(yield* takeByte()))
  const credentials = username && password ? { username, password } : undefined
  if (credentials === undefined || !verify(credentials)) {
    yield* say(Uint8Array.of(1, 1))
    throw fault('DH_SOCKS_LOGIN', {})
  }
  yield* say(Uint8Array.of(1, 0))
  return credentials
}

/** The request (RFC 1928, 4): 05, command, a reserved byte, the address. */
function* acceptConnect(): Conversation<SocksDestination> {
  const [version = 0, command = 0, , type = 0] = yield* take(4)
  if (version !== VERSION) {
    yield* say(encodeReply(REPLY.failed))
    throw fault('DH_SOCKS_FORM', { why: `request version ${version}, not 5` })
  }
  const destination = yield* takeAddress(type)
  if (destination === 'unknown type') {
    yield* say(encodeReply(REPLY.addressType))
    throw fault('DH_SOCKS_ADDRESS_TYPE', { type })
  }
  if (destination === 'malformed name') {
    yield* say(encodeReply(REPLY.failed))
    throw fault('DH_SOCKS_FORM', { why: 'the name is empty or holds bytes that are not printable' })
  }
  if (command !== COMMAND.connect) {
    yield* say(encodeReply(REPLY.command))
    throw fault('DH_SOCKS_COMMAND', { command })
  }
  return destination
}

/** What the peer probably speaks, for the engineer who mixed up two ports. */
function guessProtocol(firstByte: number): string {
  if (firstByte === 4) return 'it looks like SOCKS4'
  if (firstByte === 0x16)
    return 'it looks like TLS: this listener speaks plain TCP, or TLS was begun twice'
  if (firstByte === 0x1a) return 'it looks like CGP, which belongs to the gateway'
  if (firstByte >= 0x41 && firstByte <= 0x5a) return 'it looks like HTTP'
  return 'unknown protocol'
}
