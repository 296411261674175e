import { Deadline } from '@doublehop/daemon/deadline'
import type { Leg } from '@doublehop/daemon/leg'
import { asFault, fault } from '@doublehop/errors/fault'
import { accept } from './accept.ts'
import type { GatewayParts } from './parts.ts'
import { connectWithGrant, connectWithTicket } from './connect.ts'
import { receiveTicket } from './receive-ticket.ts'
import { redeem } from './redeem.ts'
import { refuse } from './refuse.ts'

/**
 * A launch, from the client's first flight to the end of its session. The nine steps in their order; what the proxy
 * does of them stands behind the call that waits for it.
 */
export async function launch(client: Leg, protocol: 'socks' | 'cgp', gateway: GatewayParts): Promise<void> {
  const { limits, redeemAt } = gateway.settings
  let asked: number | undefined
  const session = gateway.sessions.open(client)
  using deadline = new Deadline(limits.launch, () =>
    fault('DH_LAUNCH_DEADLINE', { seconds: limits.launch / 1000, step: session.reached }),
  )
  using presence = watchClient(client, () => fault('DH_CLIENT_GONE', { step: session.reached }))
  const signal = AbortSignal.any([deadline.signal, presence.signal])
  try {
    if (gateway.sessions.count > limits.sessions) throw fault('DH_LIMIT_SESSIONS', { limit: limits.sessions })

    // 1 ticket – the workspace sends its ticket
    const arrival = await receiveTicket(session, protocol, gateway, () => {
      asked = performance.now()
    })

    let server: Leg
    if (redeemAt === 'gateway') {
      // 2 sta-connect, 3 redeem (by the proxy), 4 resolve – the ticket becomes an address and a grant
      const admission = await redeem(session, arrival, gateway, signal)
      // 5 connect, 6 dial (by the proxy), 7 answer – the proxy connects to that address
      server = await connectWithGrant(session, admission, gateway, signal)
    } else {
      // 5 connect, 2 to 4 and 6 (by the proxy), 7 answer – the proxy redeems the ticket and connects
      server = await connectWithTicket(session, arrival, gateway, signal)
    }

    // 8 accept – the client's handshake is completed
    accept(session, arrival, server)
    presence[Symbol.dispose]()
    deadline[Symbol.dispose]()

    // 9 splice – bytes flow
    session.step('splice')('workspace ⇄ vda', `${protocol} session through ${server.peer.host}`)
    await session.splice(server, limits.idle)
  } catch (error) {
    const failure = asFault(error)
    session.fail(failure)
    await refuse(client, protocol, failure, asked)
  }
}

/** Aborts when the client's connection is gone; a client that has merely ended its half is still there. */
function watchClient(client: Leg, raise: () => Error): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController()
  const onGone = (): void => controller.abort(raise())
  client.gone.addEventListener('abort', onGone)
  if (client.gone.aborted) onGone()
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => client.gone.removeEventListener('abort', onGone),
  }
}
