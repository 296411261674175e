import { reached } from '@doublehop/daemon/deadline'
import type { Leg } from '@doublehop/daemon/leg'
import type { Fault } from '@doublehop/errors/fault'
import { encodeReply, REPLY, type Reply } from '@doublehop/wire/socks5-messages'

/**
 * What the internet learns of a launch that failed: 02 for everything about ticket or address, 04 when anything
 * behind cannot be reached, 01 else. Nothing more.
 */
export function replyTo({ class: kind }: Fault): Reply {
  switch (kind) {
    case 'ticket':
    case 'address':
      return REPLY.denied
    case 'refused':
    case 'network-unreachable':
    case 'host-unreachable':
    case 'timeout':
      return REPLY.hostUnreachable
    default:
      return REPLY.failed
  }
}

/** A denial always takes as long, so that its time does not tell a used ticket from an unknown one. */
export const DENIAL_MILLISECONDS = 250

/** Faults of the SOCKS handshake itself, which the conversation has answered as far as there is an answer. */
const ANSWERED = ['DH_SOCKS_VERSION', 'DH_SOCKS_METHOD', 'DH_SOCKS_LOGIN', 'DH_SOCKS_FORM', 'DH_SOCKS_COMMAND', 'DH_SOCKS_ADDRESS_TYPE']

/** Ends a launch that failed. A CGP client gets no byte. @param asked when its request came (performance.now()) */
export async function refuse(client: Leg, protocol: 'socks' | 'cgp', failure: Fault, asked: number): Promise<void> {
  const reply = replyTo(failure)
  if (reply === REPLY.denied) await reached(asked, DENIAL_MILLISECONDS)
  const silent = protocol === 'cgp' || ANSWERED.includes(failure.code) || isBeforeRequest(failure)
  client.endWith(silent ? new Uint8Array(0) : encodeReply(reply))
}

/** A reply only belongs behind a request: a client that never finished one gets none. */
function isBeforeRequest({ code }: Fault): boolean {
  return ['DH_HANDSHAKE_DEADLINE', 'DH_HANDSHAKE_LENGTH', 'DH_PEER_CLOSED', 'DH_PEER_RESET', 'DH_LIMIT_SESSIONS'].includes(code)
}
