import { holdDenial } from '@doublehop/daemon/denial'
import type { Leg } from '@doublehop/daemon/leg'
import type { Fault } from '@doublehop/errors/fault'
import { encodeReply, REPLY, type Reply } from '@doublehop/wire/socks5-messages'

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

/** Answers a CONNECT that will not be, and ends the connection. @param asked when it came (performance.now()) */
export async function refuse(hop: Leg, failure: Fault, asked: number): Promise<void> {
  const reply = replyTo(failure)
  await holdDenial(reply, asked)
  hop.endWith(encodeReply(reply))
}
