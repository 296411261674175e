import { fault } from '@doublehop/errors/fault'
import { type Conversation, concat, say, take, takeByte } from './conversation.ts'
import { type Endpoint, formatEndpoint } from './endpoint.ts'
import {
  COMMAND,
  encodeAddress,
  METHOD,
  REPLY,
  type SocksDestination,
  takeAddress,
  VERSION,
} from './socks5-messages.ts'
import type { Credentials } from './socks5-server.ts'
import { bytesOf } from './text.ts'

/**
 * The client's side of SOCKS5 through the reply to its CONNECT (RFC 1928, 1929).
 *
 * @param destination its host may be an IP address, a name, or a ticket
 * @returns the address the server says it bound
 * @throws Fault DH_SOCKS_FORM, _METHOD, _LOGIN, and by the reply _DENIED (02), _UNREACHABLE (03, 04, 05), _FAILED
 */
export function* requestSocks(
  destination: Endpoint,
  credentials?: Credentials,
): Conversation<SocksDestination> {
  yield* openSocks(credentials)
  return yield* connectSocks(destination)
}

/** Method and login: all that comes before the CONNECT. @throws Fault DH_SOCKS_FORM, _METHOD, _LOGIN */
export function* openSocks(credentials?: Credentials): Conversation<void> {
  yield* greetSocks(credentials === undefined ? 'none' : 'password')
  if (credentials !== undefined) yield* login(credentials)
}

/** Offers one method and waits until the server takes it (RFC 1928, 3): enough to see that a proxy is alive. */
export function* greetSocks(method: 'none' | 'password'): Conversation<void> {
  yield* say(Uint8Array.of(VERSION, 1, METHOD[method]))
  const [version = 0, chosen = 0] = yield* take(2)
  if (version !== VERSION) {
    throw fault('DH_SOCKS_FORM', { why: `the server answers with version ${version}, not 5` })
  }
  if (chosen !== METHOD[method]) {
    throw fault('DH_SOCKS_METHOD', { offered: METHOD[method], wanted: `server answered ${chosen}` })
  }
}

function* login({ username, password }: Credentials): Conversation<void> {
  yield* say(concat(Uint8Array.of(1), field(username), field(password)))
  const [, status] = yield* take(2)
  if (status !== 0) throw fault('DH_SOCKS_LOGIN', {})
}

/** Asks for the destination and reads the whole reply (RFC 1928, 4 and 6). @throws as requestSocks, by the reply */
export function* connectSocks(destination: Endpoint): Conversation<SocksDestination> {
  yield* say(concat(Uint8Array.of(VERSION, COMMAND.connect, 0), encodeAddress(destination)))
  const [version = 0, reply = 0] = yield* take(2)
  if (version !== VERSION) {
    throw fault('DH_SOCKS_FORM', { why: `the server replies with version ${version}, not 5` })
  }
  if (reply !== REPLY.succeeded) throw replyFault(reply, destination)
  yield* take(1)
  const bound = yield* takeAddress(yield* takeByte())
  if (typeof bound === 'string') {
    throw fault('DH_SOCKS_FORM', { why: `the server replies with an address of ${bound}` })
  }
  return bound
}

/** A refusal is judged by its code alone: some servers send only the first two bytes of it. */
function replyFault(reply: number, { host, port }: Endpoint) {
  const destination = host.startsWith(';') ? 'the ticket' : formatEndpoint({ host, port })
  if (reply === REPLY.denied) return fault('DH_SOCKS_DENIED', { destination })
  const unreachable: number[] = [REPLY.networkUnreachable, REPLY.hostUnreachable, REPLY.refused]
  if (unreachable.includes(reply)) return fault('DH_SOCKS_UNREACHABLE', { destination, reply })
  return fault('DH_SOCKS_FAILED', { destination, reply })
}

function field(text: string): Uint8Array {
  const bytes = bytesOf(text)
  if (bytes.length === 0 || bytes.length > 255) {
    throw new RangeError('user name and password have 1 to 255 bytes (RFC 1929)')
  }
  return concat(Uint8Array.of(bytes.length), bytes)
}
