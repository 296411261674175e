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
  const secure =
    options.tls === undefined ? undefined : createTlsServer({ ...options.tls, allowHalfOpen: true })
  const handshakes = new Map<Socket, Handshake>()

  const accept = async (raw: Socket): Promise<void> => {
    const peer: Peer = { host: unmapped(raw.remoteAddress ?? ''), port: raw.remotePort ?? 0 }
    raw.on('error', () => {})
    if (raw.remoteAddress === undefined) return void raw.destroy() // reset before it was accepted
    const behindBalancer = inNetworks(options.proxyProtocolFrom ?? [], peer.host)
    const client = behindBalancer ? await readProxyHeader(raw, peer, options) : peer
    if (secure === undefined) return options.onLeg(new Leg(raw, undefined, client, options.keep))
    handshakes.set(raw, new Handshake(raw, client, options, () => handshakes.delete(raw)))
    secure.emit('connection', raw)
  }

  secure
    ?.on('secureConnection', (socket) => {
      const raw = rawSocketUnder(socket)
      const handshake = handshakes.get(raw)
      handshake?.finish()
      const peer = { ...handshake?.peer, ...tlsPeer(socket) } as Peer
      options.onLeg(new Leg(raw, socket, peer, options.keep))
    })
    .on('tlsClientError', (error, socket) =>
      handshakes.get(rawSocketUnder(socket))?.fail(error.message),
    )

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (raw) => {
    accept(raw).catch((error) => {
      options.onFailure(asFault(error), {
        host: raw.remoteAddress ?? '',
        port: raw.remotePort ?? 0,
      })
      raw.destroy()
    })
  })
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

/** A TLS handshake under way: it has a deadline, and ends exactly once. */
class Handshake {
  readonly peer: Peer
  readonly since = new Date()
  readonly #raw: Socket
  readonly #options: ListenOptions
  readonly #onEnd: () => void
  readonly #timer: NodeJS.Timeout

  constructor(raw: Socket, peer: Peer, options: ListenOptions, onEnd: () => void) {
    this.#raw = raw
    this.peer = peer
    this.#options = options
    this.#onEnd = onEnd
    const seconds = options.handshakeMilliseconds / 1000
    this.#timer = setTimeout(
      () => this.fail(`not finished within ${seconds} s`),
      options.handshakeMilliseconds,
    )
    raw.once('close', this.#onClose)
  }

  finish(): void {
    clearTimeout(this.#timer)
    this.#raw.off('close', this.#onClose)
    this.#onEnd()
  }

  abandon(): void {
    this.finish()
    this.#raw.destroy()
  }

  fail(why: string): void {
    this.abandon()
    this.#options.onFailure(fault('DH_TLS_HANDSHAKE', { why }), this.peer)
  }

  readonly #onClose = (): void =>
    this.fail('the peer closed the connection, or showed no certificate we trust')
}

/** The client that stands behind a load balancer; what was read beyond the header goes back to the socket. */
async function readProxyHeader(raw: Socket, peer: Peer, options: ListenOptions): Promise<Peer> {
  const leg = new Leg(raw, undefined, peer, options.keep)
  const client = await converse(leg, acceptProxyHeader(), {
    what: 'the PROXY v2 header',
    milliseconds: options.handshakeMilliseconds,
  })
  leg.handOver()
  return client ?? peer
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
