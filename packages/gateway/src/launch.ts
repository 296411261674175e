import type { Handshake } from '@doublehop/daemon/handshakes'
import { LaunchLimit } from '@doublehop/daemon/launch-limit'
import type { Leg } from '@doublehop/daemon/leg'
import type { Session } from '@doublehop/daemon/session'
import { asFault } from '@doublehop/errors/fault'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { accept } from './accept.ts'
import { connectWithGrant, connectWithTicket } from './connect.ts'
import type { GatewayParts } from './parts.ts'
import { receiveTicket } from './receive-ticket.ts'
import { redeem } from './redeem.ts'
import { refuse } from './refuse.ts'

/** A launch, from the client's first flight to the end of its session: nine steps, or a refusal. */
export async function launch(
  client: Leg,
  protocol: 'socks' | 'cgp',
  handshake: Handshake,
  gateway: GatewayParts,
): Promise<void> {
  const session = gateway.sessions.open(client)
  try {
    const server = await reachServer(session, protocol, handshake, gateway)

    // 9 splice – bytes flow
    session.step('splice')('workspace ⇄ vda', `joined through ${formatEndpoint(server.peer)}`)
    await session.splice(server, gateway.settings.limits.idle)
  } catch (error) {
    const failure = asFault(error)
    session.fail(failure)
    await refuse(session, protocol, failure, handshake, gateway)
  }
}

/** Steps 1 to 8 in their order; what the proxy does of them stands behind the call that waits for it. */
async function reachServer(
  session: Session,
  protocol: 'socks' | 'cgp',
  handshake: Handshake,
  gateway: GatewayParts,
): Promise<Leg> {
  const { limits, redeemAt } = gateway.settings
  using limit = new LaunchLimit(session, limits.launch)

  // 1 ticket – the workspace sends its ticket
  const arrival = await receiveTicket(session, protocol, gateway, handshake.signal)
  handshake.finish()
  gateway.limit.enter(session.client)

  let server: Leg
  if (redeemAt === 'gateway') {
    // 2 sta-connect, 3 redeem (by the proxy), 4 resolve – the ticket becomes an address and a grant
    const admission = await redeem(session, arrival, gateway, limit.signal)
    // 5 connect, 6 dial (by the proxy), 7 answer – the proxy connects to that address
    server = await connectWithGrant(session, admission, gateway, limit.signal)
  } else {
    // 5 connect, 2 to 4 and 6 (by the proxy), 7 answer – the proxy redeems the ticket and connects
    server = await connectWithTicket(session, arrival, gateway, limit.signal)
  }

  // 8 accept – the client's handshake is completed
  accept(session, arrival)
  return server
}
