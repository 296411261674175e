import type { Session } from '@doublehop/daemon/session'
import { fault } from '@doublehop/errors/fault'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { GRANT_HEADER } from '@doublehop/wire/sta-messages'
import { addressesOf, addressFor } from '@doublehop/wire/ticket-addresses'
import type { NextHop } from './next-hop.ts'
import type { GatewayParts } from './parts.ts'
import type { Arrival } from './receive-ticket.ts'

/** A redeemed ticket: where it leads, and what the next hop wants to see for it. */
export interface Admission {
  readonly address: Endpoint
  /** the hop through which the ticket was redeemed: only it takes the grant */
  readonly hop: NextHop
  /** none over a foreign hop, which knows no grants */
  readonly grant: string | undefined
}

/**
 * 2 sta-connect – the gateway reaches the STA through a next hop; 3 redeem – the proxy passes the request to the STA
 * (and logs it); 4 resolve – the answer comes back with the server's address and the grant.
 *
 * @throws Fault DH_TICKET_…, DH_STA_…, DH_HOP_…
 */
export async function redeem(
  session: Session,
  { ticket, port }: Arrival,
  { stas }: GatewayParts,
  signal: AbortSignal,
): Promise<Admission> {
  let connected: ReturnType<Session['step']> | undefined = session.step('sta-connect')
  let resolved: ReturnType<Session['step']> | undefined
  let through: NextHop | undefined

  const { data, reply, sta } = await stas.redeem(ticket, session, signal, {
    onConnected(hop, sta, reused) {
      // A 42 whose first STA does not know it comes here twice.
      const done = connected ?? session.step('sta-connect')
      done(
        `gateway → ${hop.name} → sta`,
        `${sta}, SOCKS5 over ${hop.transport}${reused ? ', connection kept' : ''}`,
      )
      // Over a foreign hop nobody else sees the redemption, so it is the gateway's own step.
      resolved = session.step(hop.kind === 'doublehop' ? 'resolve' : 'redeem')
      connected = undefined
      through = hop
    },
  })
  if (through === undefined) throw new Error('an STA answered without a connection')
  if (through.kind === 'socks5') {
    resolved?.('gateway → sta', `${sta}: ticket known, unused`)
    resolved = session.step('resolve')
  }
  const address = addressFor(port, addressesOf(data))
  resolved?.(`sta → ${through.name} → gateway`, formatEndpoint(address))

  const grant = reply.headers[GRANT_HEADER]
  if (through.kind === 'doublehop' && typeof grant !== 'string') {
    throw fault('DH_STA_ANSWER', { sta, why: `next hop ${through.name} added no grant` })
  }
  session.isRedeemed = true
  session.audit('ticket-redeemed', { sta, server: formatEndpoint(address) })
  return { address, hop: through, grant: typeof grant === 'string' ? grant : undefined }
}
