import { holdDenial } from '@doublehop/daemon/denial'
import type { Leg } from '@doublehop/daemon/leg'
import type { Session } from '@doublehop/daemon/session'
import type { Fault } from '@doublehop/errors/fault'
import { encodeReply, REPLY, type Reply } from '@doublehop/wire/socks5-messages'
import type { ProxyParts } from './parts.ts'

/** The reply of RFC 1928, 6 to a first hop, by the class of what went wrong. */
export function replyTo({ class: kind }: Fault): Reply {
  switch (kind) {
    case 'ticket':
    case 'address':
    case 'identity':
      return REPLY.denied
    case 'refused':
      return REPLY.refused
    case 'network-unreachable':
      return REPLY.networkUnreachable
    case 'host-unreachable':
    case 'timeout':
      return REPLY.hostUnreachable
    case 'command':
      return REPLY.command
    case 'address-type':
      return REPLY.addressType
    default:
      return REPLY.failed
  }
}

/** Answers a CONNECT that will not be, and ends the connection. */
export async function refuse(
  session: Session,
  failure: Fault,
  { failures, settings }: ProxyParts,
): Promise<void> {
  const { client, asked = session.opened } = session
  const reply = replyTo(failure)
  if (reply === REPLY.denied) {
    if (session.ticket !== undefined && !session.isRedeemed)
      session.audit('ticket-refused', { code: failure.code })
    const delay = failure.class === 'ticket' ? failures.failed(client.peer.host) : 0
    await holdDenial(client, asked, Math.min(delay, settings.limits.launch / 2))
  }
  client.endWith(encodeReply(reply))
}

/** Denies what has no session: who asks for an STA in the wrong way. */
export async function deny(hop: Leg): Promise<void> {
  await holdDenial(hop, performance.now(), 0)
  hop.endWith(encodeReply(REPLY.denied))
}
