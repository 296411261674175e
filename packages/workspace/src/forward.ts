import type { Leg } from '@doublehop/daemon/leg'
import { type Listener, listen } from '@doublehop/daemon/listen'
import { type Spliced, splice } from '@doublehop/daemon/splice'
import { asFault, type Fault } from '@doublehop/errors/fault'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Ticket } from '@doublehop/wire/ticket'
import type { GatewayAccess } from './gateway-access.ts'
import { type LaunchOptions, launch } from './launch.ts'

export interface ForwardOptions extends Omit<LaunchOptions, 'ticket' | 'greet' | 'onStep'> {
  /** where to listen; port 0 takes a free one */
  readonly on: Endpoint
  /** a new ticket for each connection */
  ticket(): Promise<Ticket>
  onClosed?(peer: Endpoint, spliced: Spliced): void
  onFailed?(peer: Endpoint, failure: Fault): void
}

/**
 * Listens on a local port and gives every connection its own ticket and session, so that any TCP client can use a
 * published application.
 *
 * @throws Fault DH_LISTEN
 */
export function forward(access: GatewayAccess, options: ForwardOptions): Promise<Listener> {
  const serve = async (local: Leg): Promise<void> => {
    try {
      const { leg } = await launch(access, { ...options, ticket: await options.ticket() })
      options.onClosed?.(local.peer, await splice(local, leg).done)
    } catch (error) {
      options.onFailed?.(local.peer, asFault(error))
      local.reset()
    }
  }
  return listen({
    on: options.on,
    handshakeMilliseconds: 0,
    keep: 65_536,
    connections: 1000,
    onLeg(leg, handshake) {
      handshake.finish()
      void serve(leg)
    },
    onFailure: (failure, peer) => options.onFailed?.(peer, failure),
  })
}
