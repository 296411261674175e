import type { Leg } from '@doublehop/daemon/leg'
import type { Session } from '@doublehop/daemon/session'
import { concat } from '@doublehop/wire/conversation'
import { encodeReply, REPLY } from '@doublehop/wire/socks5-messages'
import type { Arrival } from './receive-ticket.ts'

/**
 * 8 accept – the gateway completes the client's handshake: a SOCKS client gets its reply, and the server what a CGP
 * client has said so far, flight and early data in one write.
 */
export function accept(session: Session, { protocol, flight }: Arrival, server: Leg): void {
  const done = session.step('accept')
  const early = session.client.takeUnread()
  const first = concat(flight, early)
  if (protocol === 'socks') session.client.write(encodeReply(REPLY.succeeded))
  if (first.length > 0) server.write(first)
  const said = early.length > 0 ? `, ${early.length} bytes of early data` : ''
  done(
    'gateway → workspace',
    protocol === 'socks'
      ? `SOCKS reply 00${said}`
      : `CGP flight of ${flight.length} bytes passed on${said}`,
  )
}
