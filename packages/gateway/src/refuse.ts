import { holdDenial } from '@doublehop/daemon/denial'
import type { Handshake } from '@doublehop/daemon/handshakes'
import type { Session } from '@doublehop/daemon/session'
import { asFault, type Fault } from '@doublehop/errors/fault'
import { encodeReply, REPLY, type Reply } from '@doublehop/wire/socks5-messages'
import { isAllZero, type Ticket } from '@doublehop/wire/ticket'
import type { GatewayParts } from './parts.ts'

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
  session: Session,
  protocol: 'socks' | 'cgp',
  failure: Fault,
  handshake: Handshake,
  gateway: GatewayParts,
): Promise<void> {
  const { client, asked } = session
  const reply = replyTo(failure)
  gateway.limit.leave(client)
  if (reply === REPLY.denied) {
    if (session.ticket !== undefined && !session.isRedeemed)
      session.audit('ticket-refused', { code: failure.code })
    await hold(session, handshake, gateway)
  }
  const silent = protocol === 'cgp' || asked === undefined
  client.endWith(silent ? new Uint8Array(0) : encodeReply(reply))
}

/**
 * Holds a denial. While it is held, the client counts as a handshake again, the oldest of which gives way: with the
 * place of a session, few who guess would take all of them from those who have good tickets.
 */
async function hold(session: Session, handshake: Handshake, gateway: GatewayParts): Promise<void> {
  const { client, asked = performance.now() } = session
  const held = handshake.again()
  held.signal.addEventListener('abort', () => {
    gateway.metrics.failed(asFault(held.signal.reason).code)
    client.destroy()
  })
  await holdDenial(client, asked, delayOf(session, gateway))
  held.finish()
}

/** The more redemptions of this client source have failed, the longer; never beyond the deadline of the launch. */
function delayOf(
  { client, ticket, opened, asked = opened }: Session,
  { failures, settings }: GatewayParts,
): number {
  const isFailedRedemption = ticket !== undefined && !isProbe(ticket)
  const delay = isFailedRedemption ? failures.failed(client.peer.host) : 0
  return Math.min(delay, opened + settings.limits.launch - asked)
}

/** All zeros is how load balancers look whether an STA lives: it guesses nothing. Of a `;42;` either half may guess. */
function isProbe({ primary, redundant = primary }: Ticket): boolean {
  return [primary, redundant].every((half) => isAllZero(half.reveal()))
}
