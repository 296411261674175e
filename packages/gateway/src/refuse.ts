import { holdDenial } from '@doublehop/daemon/denial'
import type { Session } from '@doublehop/daemon/session'
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

/**
 * Ends a launch that failed. A CGP client gets no byte, and no reply belongs before a request: what can be answered of
 * a SOCKS handshake that went wrong, its conversation has answered.
 */
export async function refuse(
  { client, asked }: Session,
  protocol: 'socks' | 'cgp',
  failure: Fault,
): Promise<void> {
  const reply = replyTo(failure)
  await holdDenial(reply, asked ?? performance.now())
  const silent = protocol === 'cgp' || asked === undefined
  client.endWith(silent ? new Uint8Array(0) : encodeReply(reply))
}
