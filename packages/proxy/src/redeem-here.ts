import type { Session } from '@doublehop/daemon/session'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { parseTicket } from '@doublehop/wire/ticket'
import { addressesOf, addressFor, launchKind } from '@doublehop/wire/ticket-addresses'
import type { Stas } from './stas.ts'

/**
 * Steps 2 to 4 with `redeemAt: proxy`: the CONNECT names the ticket itself, the proxy redeems it, and no address of a
 * server is ever known in DMZ 1.
 *
 * @throws Fault DH_TICKET_…, DH_STA_…, DH_LAUNCH_PORT
 */
export async function redeemHere(
  session: Session,
  { host, port }: Endpoint,
  stas: Stas,
  signal: AbortSignal,
): Promise<Endpoint> {
  const ticket = parseTicket(host)
  session.ticket = ticket
  launchKind(port)

  let connected: ReturnType<Session['step']> | undefined = session.step('sta-connect')
  let redeemed: ReturnType<Session['step']> | undefined
  const { data, sta } = await stas.redeemer.redeem(ticket, (known, body, purpose) => {
    // The other half of a 42 is spent when the launch has what it needs, and outlives its signal.
    if (purpose === 'spend') return stas.askAny(known, body, session.id)
    return stas.askAny(known, body, session.id, {
      signal,
      onConnected: (reused) => {
        const done = connected ?? session.step('sta-connect')
        done('proxy → sta', `${known.id}${reused ? ', connection kept' : ''}`)
        connected = undefined
        redeemed = session.step('redeem')
      },
    })
  })
  redeemed?.('proxy → sta', `${sta}: ticket known, unused`)
  const resolved = session.step('resolve')
  const address = addressFor(port, addressesOf(data))
  resolved('sta → proxy', formatEndpoint(address))
  session.isRedeemed = true
  session.audit('ticket-redeemed', { sta, server: formatEndpoint(address) })
  return address
}
