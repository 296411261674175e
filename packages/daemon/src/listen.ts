import { createServer, type Socket } from 'node:net'
import {
  createServer as createTlsServer,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls'
import { asFault, type Fault, fault } from '@doublehop/errors/fault'
import { inNetworks } from '@doublehop/settings/values'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { type Network, unmapped } from '@doublehop/wire/ip'
import { Arrival, type ArrivalTerms } from './arrival.ts'
import { bind } from './bind.ts'
import { type Handshake, type HandshakeLimits, Handshakes } from './handshakes.ts'
import type { Leg, Peer } from './leg.ts'
import { rawSocketUnder } from './tls.ts'

export interface ListenOptions extends ListenTerms {
  /** what a socket is called that the service manager opened for this listener; `listen` if left out */
  readonly name?: string
  /** port 0 takes a free one */
  readonly on: Endpoint
  /**
   * A connection that is open, TLS and all. It counts as a handshake until its owner calls `finish`, and must end when
   * the signal of that handshake is aborted.
   */
  readonly onLeg: (leg: Leg, handshake: Handshake) => void
  /** a connection that did not get there */
  readonly onFailure: (failure: Fault, peer: Endpoint) => void
}

/** What may change while a listener listens; it holds for connections that come from then on. */
export interface ListenTerms extends ArrivalTerms {
  /** left out: plain TCP, for ever */
  readonly tls?: TlsOptions | undefined
  /** connections at once, whatever they do; more are closed at accept */
  readonly connections: number
  /** handshakes at once; left out, as many as connections */
  readonly handshakes?: HandshakeLimits
  /** load balancers, which send a PROXY v2 header before anything else */
  readonly proxyProtocolFrom?: readonly Network[]
  /** why this client may not come in, asked before any work of TLS is done for it */
  refusal?(peer: Endpoint): Fault | undefined
}

/** Something that listens. */
export interface Listener {
  /** where, with the port that was taken */
  readonly at: Endpoint
  /** connections that have not finished their handshake, as /sessions shows them */
  readonly handshakes: Handshakes
  /** takes nothing new, and ends the handshakes that are under way; what is served stays */
  stop(): void
  /** new connections meet these terms */
  renew(terms: Partial<ListenTerms>): void
}

/**
 * Accepts connections and brings each through PROXY v2, where a load balancer stands before us, and TLS.
 *
 * @throws Fault DH_LISTEN
 */
export async function listen({
  name = 'listen',
  on,
  onLeg,
  onFailure,
  ...first
}: ListenOptions): Promise<Listener> {
  let terms: ListenTerms = first
  const handshakes = new Handshakes(limitsOf(terms))
  const arriving = new WeakMap<Socket, Arrival>()

  // Listens nowhere: it is given each connection. One whose options changed would take over some of them.
  const withTls = (options: TlsOptions): TlsServer =>
    createTlsServer(options)
      .on('secureConnection', (socket) => {
        const arrival = arriving.get(rawSocketUnder(socket))
        if (arrival === undefined || arrival.handshake.signal.aborted) return void socket.destroy()
        socket.allowHalfOpen = true
        onLeg(arrival.open(socket), arrival.handshake)
      })
      .on('tlsClientError', (error, socket) =>
        arriving.get(rawSocketUnder(socket))?.failTls(error, socket),
      )
  let secure = terms.tls && withTls(terms.tls)

  const accept = async (raw: Socket): Promise<void> => {
    raw.on('error', () => {})
    if (raw.remoteAddress === undefined) return void raw.destroy() // reset before it was accepted
    const peer: Peer = { host: unmapped(raw.remoteAddress), port: raw.remotePort ?? 0 }
    const isBalancer = inNetworks(terms.proxyProtocolFrom ?? [], peer.host)
    const handshake = handshakes.begin(peer, !isBalancer)
    const arrival = new Arrival(raw, handshake, terms, onFailure)
    try {
      if (isBalancer) handshakes.name(handshake, (await arrival.readProxyHeader()) ?? peer)
      const refused = terms.refusal?.(handshake.peer)
      if (refused !== undefined) throw refused
      handshake.signal.throwIfAborted()
    } catch (error) {
      return handshake.end(asFault(error))
    }
    if (secure === undefined) return onLeg(arrival.open(undefined), handshake)
    arriving.set(raw, arrival)
    arrival.beginTls()
    secure.emit('connection', raw)
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (raw) => void accept(raw))
  server.maxConnections = terms.connections
  server.on('drop', (dropped) => {
    const peer = { host: unmapped(dropped?.remoteAddress ?? ''), port: dropped?.remotePort ?? 0 }
    onFailure(fault('DH_LIMIT_SESSIONS', { limit: terms.connections }), peer)
  })
  const at = await bind(server, on, name)
  return {
    at,
    handshakes,
    stop() {
      server.close()
      handshakes.endAll(fault('DH_DRAINING', {}))
    },
    renew(changes) {
      terms = { ...terms, ...changes }
      handshakes.limits = limitsOf(terms)
      server.maxConnections = terms.connections
      if (secure !== undefined && changes.tls !== undefined) secure = withTls(changes.tls)
    },
  }
}

function limitsOf({ handshakes, connections }: ListenTerms): HandshakeLimits {
  return handshakes ?? { handshakes: connections }
}
