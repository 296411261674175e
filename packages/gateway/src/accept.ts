import type { Session } from '@doublehop/daemon/session'
import { concat } from '@doublehop/wire/conversation'
import { encodeReply, REPLY } from '@doublehop/wire/socks5-messages'
import type { Arrival } from './receive-ticket.ts'

/**
 * 8 accept – the gateway completes the client's handshake: a SOCKS client gets its reply. What a client has said so far
 * is put back as one piece, the flight of a CGP client before its early data: the splice passes it on in one write, and
 * counts it.
 */
export function accept(session: Session, { protocol, flight }: Arrival): void {
  const done = session.step('accept')
  const early = session.client.takeUnread()
  session.client.silence(concat(flight, early))
  if (protocol === 'socks') session.client.write(encodeReply(REPLY.succeeded))
  const said = early.length > 0 ? `, ${early.length} bytes of early data` : ''
  done(
    'gateway → workspace',
    protocol === 'socks'
      ? `SOCKS reply 00${said}`
      : `CGP flight of ${flight.length} bytes passed on${said}`,
  )
}
