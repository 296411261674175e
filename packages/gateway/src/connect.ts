import { converse } from '@doublehop/daemon/conversation'
import type { Leg } from '@doublehop/daemon/leg'
import type { Session } from '@doublehop/daemon/session'
import { asFault, fault, isFault } from '@doublehop/errors/fault'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { connectSocks } from '@doublehop/wire/socks5-client'
import type { Credentials } from '@doublehop/wire/socks5-server'
import type { NextHop } from './next-hop.ts'
import type { GatewayParts } from './parts.ts'
import type { Arrival } from './receive-ticket.ts'
import type { Admission } from './redeem.ts'

/**
 * 5 connect – the gateway sends the address to the proxy, with the grant; 6 dial – the proxy connects to the server
 * (and logs it); 7 answer – the proxy's reply comes back.
 *
 * @throws Fault DH_SOCKS_…, or DH_HOP_LOST: the ticket is spent, so no other hop can help
 */
export async function connectWithGrant(
  session: Session,
  { address, hop, grant }: Admission,
  gateway: GatewayParts,
  signal: AbortSignal,
): Promise<Leg> {
  const credentials = grant === undefined ? undefined : { username: session.id, password: grant }
  try {
    const shown = grant === undefined ? '' : ' with its grant'
    return await connectThrough(
      session,
      hop,
      address,
      credentials,
      `${formatEndpoint(address)}${shown}`,
      gateway,
      signal,
    )
  } catch (error) {
    if (!isFault(error, 'DH_HOP_UNREACHABLE', 'DH_PEER_CLOSED', 'DH_PEER_RESET')) throw error
    throw fault('DH_HOP_LOST', { hop: hop.name, step: session.reached }, error)
  }
}

/**
 * The same with `redeemAt: proxy`: the CONNECT names the ticket, and steps 2 to 4 and 6 are the proxy's. A hop that
 * cannot be reached has not seen the ticket, so the next one is tried.
 */
export async function connectWithTicket(
  session: Session,
  { ticket, port }: Arrival,
  gateway: GatewayParts,
  signal: AbortSignal,
): Promise<Leg> {
  const credentials = { username: session.id, password: '-' }
  const destination = { host: ticket.reveal(), port }
  return await gateway.nextHops.firstReachable((hop) =>
    connectThrough(
      session,
      hop,
      destination,
      credentials,
      `${ticket} port ${port}`,
      gateway,
      signal,
    ),
  )
}

async function connectThrough(
  session: Session,
  hop: NextHop,
  destination: Endpoint,
  credentials: Credentials | undefined,
  shown: string,
  { settings, counters }: GatewayParts,
  signal: AbortSignal,
): Promise<Leg> {
  const connected = session.step('connect')
  const leg = await hop.open(credentials, signal)
  try {
    // The CONNECT leaves as the conversation begins; what is waited for is the proxy's answer.
    counters.socksConnectRequests.inc()
    const reply = converse(leg, connectSocks(destination), {
      what: `the answer of next hop ${hop.name}`,
      // The launch's own deadline comes first, and says more.
      milliseconds: settings.limits.launch + 1000,
      signal,
    })
    connected(`gateway → ${hop.name}`, shown)
    const answered = session.step('answer')
    await reply
    counters.socksConnectResponses.inc()
    if (hop.kind === 'socks5') {
      session.log.info(
        {
          event: 'step',
          step: 6,
          name: 'dial',
          route: `${hop.name} → vda`,
          detail: 'not observed',
          ms: 0,
        },
        '6 dial: not observed',
      )
    }
    answered(`vda → ${hop.name} → gateway`, 'connected')
    return leg
  } catch (error) {
    // A FIN would be half an end: the proxy would go on dialling, for nobody.
    leg.reset()
    const failure = asFault(error)
    if (failure.code.startsWith('DH_SOCKS_')) counters.socksServerErrors.inc()
    if (isFault(failure, 'DH_PEER_CLOSED', 'DH_PEER_RESET')) {
      throw fault('DH_HOP_LOST', { hop: hop.name, step: session.reached }, error)
    }
    throw error
  }
}
