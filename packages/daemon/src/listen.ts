import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { asFault, type Fault, fault } from '@doublehop/errors/fault'
import { inNetworks } from '@doublehop/settings/values'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { type Network, unmapped } from '@doublehop/wire/ip'
import { acceptProxyHeader } from '@doublehop/wire/proxy-protocol'
import { converse } from './conversation.ts'
import { tlsPeer } from './dial.ts'
import { Leg, type Peer } from './leg.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'
import { rawSocketUnder } from './tls.ts'

export interface ListenOptions {
  /** port 0 takes a free one */
  readonly on: Endpoint
  /** left out: plain TCP */
  readonly tls?: TlsOptions | undefined
  /** from accept to the end of the TLS handshake */
  readonly handshakeMilliseconds: number
  /** bytes kept of each peer while nobody listens */
  readonly keep: number
  /** connections at once; more are closed at accept */
  readonly connections: number
  /** load balancers, which send a PROXY v2 header before anything else */
  readonly proxyProtocolFrom?: readonly Network[]
  /** a connection that is open, TLS and all */
  onLeg(leg: Leg): void
  /** a connection that did not get there */
  onFailure(failure: Fault, peer: Endpoint): void
}

/** Something that listens. */
export interface Listener {
  /** where, with the port that was taken */
  readonly at: Endpoint
  /** connections that are open but have not finished TLS, as /sessions shows them */
  readonly handshakes: readonly object[]
  /** takes nothing new; what is open stays */
  stop(): void
  /** the same, and handshakes under way are ended */
  close(): void
  /** new connections get these certificates */
  renew(tls: TlsOptions): void
}

/**
 * Accepts connections and brings each through PROXY v2, where a load balancer stands before us, and TLS.
 *
 * @throws Fault DH_LISTEN
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const secure = options.tls === undefined ? undefined : createTlsServer(options.tls)
  const handshakes = new Map<Socket, Handshake>()

  const accept = async (raw: Socket): Promise<void> => {
    raw.on('error', () => {})
    if (raw.remoteAddress === undefined) return void raw.destroy() // reset before it was accepted
    const peer: Peer = { host: unmapped(raw.remoteAddress), port: raw.remotePort ?? 0 }
    const handshake = new Handshake(raw, peer, options, () => handshakes.delete(raw))
    handshakes.set(raw, handshake)
    try {
      if (inNetworks(options.proxyProtocolFrom ?? [], peer.host)) await handshake.readProxyHeader()
    } catch (error) {
      return handshake.fail(asFault(error))
    }
    if (secure === undefined) {
      handshake.finish()
      return options.onLeg(new Leg(raw, undefined, handshake.peer, options.keep))
    }
    handshake.beginTls()
    secure.emit('connection', raw)
  }

  secure
    ?.on('secureConnection', (socket) => {
      const raw = rawSocketUnder(socket)
      socket.allowHalfOpen = true
      const handshake = handshakes.get(raw)
      handshake?.finish()
      const peer = { ...handshake?.peer, ...tlsPeer(socket) } as Peer
      options.onLeg(new Leg(raw, socket, peer, options.keep))
    })
    .on('tlsClientError', (error, socket) =>
      handshakes.get(rawSocketUnder(socket))?.failTls(error.message),
    )

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (raw) => void accept(raw))
  server.maxConnections = options.connections
  const at = await bind(server, options.on)
  return {
    at,
    get handshakes() {
      return [...handshakes.values()].map(({ peer, since }) => ({
        peer: formatEndpoint(peer),
        since: since.toISOString(),
      }))
    },
    stop: () => void server.close(),
    close() {
      server.close()
      for (const handshake of handshakes.values()) handshake.abandon()
    },
    renew: (tls) => secure?.setSecureContext(tls),
  }
}

/** What daemons do of a connection that did not get through TLS: count it, and one line. */
export function noteHandshakeFailure(log: Logger, metrics: Metrics): ListenOptions['onFailure'] {
  return (failure, peer) => {
    metrics.failed(failure.code)
    log.info({ event: 'handshake-failed', code: failure.code, peer: peer.host }, failure.message)
  }
}

/** A connection on its way to a leg, from accept through PROXY v2 and TLS: one deadline, and it ends exactly once. */
class Handshake {
  peer: Peer
  readonly since = new Date()
  readonly #began = performance.now()
  readonly #raw: Socket
  readonly #options: ListenOptions
  readonly #onEnd: () => void
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(raw: Socket, peer: Peer, options: ListenOptions, onEnd: () => void) {
    this.#raw = raw
    this.peer = peer
    this.#options = options
    this.#onEnd = onEnd
  }

  /** Learns from a load balancer who the client is; what was read beyond the header goes back to the socket. */
  async readProxyHeader(): Promise<void> {
    const leg = new Leg(this.#raw, undefined, this.peer, this.#options.keep)
    const client = await converse(leg, acceptProxyHeader(), {
      what: 'the PROXY v2 header',
      milliseconds: this.#options.handshakeMilliseconds,
    })
    leg.handOver()
    this.peer = client ?? this.peer
  }

  beginTls(): void {
    const { handshakeMilliseconds } = this.#options
    const left = this.#began + handshakeMilliseconds - performance.now()
    const late = `not finished within ${handshakeMilliseconds / 1000} s`
    this.#timer = setTimeout(() => this.failTls(late), Math.max(0, Math.ceil(left)))
    this.#raw.once('close', this.#onClose)
    // Who ends in the middle of TLS has ended; only behind it there are halves. The TLS socket inherits this.
    this.#raw.allowHalfOpen = false
  }

  finish(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#raw.off('close', this.#onClose)
    this.#onEnd()
  }

  abandon(): void {
    this.finish()
    this.#raw.destroy()
  }

  fail(why: Fault): void {
    if (this.#isOver) return
    this.abandon()
    this.#options.onFailure(why, this.peer)
  }

  failTls(why: string): void {
    this.fail(fault('DH_TLS_HANDSHAKE', { why }))
  }

  readonly #onClose = (): void =>
    this.failTls('the peer closed the connection, or showed no certificate we trust')
}

/** Listens, and says where. @throws Fault DH_LISTEN */
export function bind(
  server: import('node:net').Server | import('node:http').Server,
  on: Endpoint,
): Promise<Endpoint> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void =>
      reject(fault('DH_LISTEN', { address: formatEndpoint(on), why: why(error) }, error))
    server.once('error', onError)
    server.listen({ host: on.host, port: on.port, ipv6Only: false }, () => {
      server.off('error', onError)
      const bound = server.address()
      resolve({
        host: on.host,
        port: typeof bound === 'object' && bound !== null ? bound.port : on.port,
      })
    })
  })
}

function why({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'the port is taken'
  if (code === 'EACCES') return 'this user may not take this port'
  if (code === 'EADDRNOTAVAIL') return 'this host has no such address'
  return code ?? message
}
