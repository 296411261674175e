import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { asFault, type Fault, fault } from '@doublehop/errors/fault'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { acceptProxyHeader } from '@doublehop/wire/proxy-protocol'
import { converse } from './conversation.ts'
import { tlsPeer } from './dial.ts'
import type { Handshake } from './handshakes.ts'
import { Leg, type Peer } from './leg.ts'
import { distrustOf } from './tls.ts'

/** What holds for a connection on its way. */
export interface ArrivalTerms {
  /** from accept to the end of the TLS handshake */
  readonly handshakeMilliseconds: number
  /** bytes kept of each peer while nobody listens */
  readonly keep: number
}

/** A connection between accept and the moment it is a leg: whatever ends its handshake destroys it and is told. */
export class Arrival {
  readonly handshake: Handshake
  readonly #raw: Socket
  readonly #terms: ArrivalTerms
  readonly #onFailure: (failure: Fault, peer: Endpoint) => void
  #timer: NodeJS.Timeout | undefined

  constructor(
    raw: Socket,
    handshake: Handshake,
    terms: ArrivalTerms,
    onFailure: (failure: Fault, peer: Endpoint) => void,
  ) {
    this.#raw = raw
    this.handshake = handshake
    this.#terms = terms
    this.#onFailure = onFailure
    handshake.signal.addEventListener('abort', this.#onAbort)
  }

  /** Learns from a load balancer who the client is; what was read beyond the header goes back to the socket. */
  async readProxyHeader(): Promise<Peer | undefined> {
    const { peer, began, signal } = this.handshake
    const leg = new Leg(this.#raw, undefined, peer, this.#terms.keep)
    const client = await converse(leg, acceptProxyHeader(), {
      what: 'the PROXY v2 header',
      milliseconds: this.#terms.handshakeMilliseconds,
      since: began,
      signal,
    })
    leg.handOver()
    return client
  }

  /** A deadline from accept on, however slowly the peer goes on. */
  beginTls(): void {
    const { handshakeMilliseconds } = this.#terms
    const left = this.handshake.began + handshakeMilliseconds - performance.now()
    const late = `not finished within ${handshakeMilliseconds / 1000} s`
    this.#timer = setTimeout(() => this.#fail(late), Math.max(0, Math.ceil(left)))
    this.#raw.once('close', this.#onClose)
    // Who ends in the middle of TLS has ended; only behind it there are halves. The TLS socket inherits this.
    this.#raw.allowHalfOpen = false
  }

  /** @param error as Node tells it of a handshake that failed */
  failTls(error: Error, socket: TLSSocket): void {
    this.#fail(whyNoTls(error, socket))
  }

  /** It has arrived, and is its owner's from here on. */
  open(secure: TLSSocket | undefined): Leg {
    this.#letGo()
    const peer = { ...this.handshake.peer, ...(secure && tlsPeer(secure)) }
    return new Leg(this.#raw, secure, peer, this.#terms.keep)
  }

  #fail(why: string): void {
    this.handshake.end(fault('DH_TLS_HANDSHAKE', { why }))
  }

  #letGo(): void {
    clearTimeout(this.#timer)
    this.#raw.off('close', this.#onClose)
    this.handshake.signal.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => {
    this.#letGo()
    this.#raw.destroy()
    this.#onFailure(asFault(this.handshake.signal.reason), this.handshake.peer)
  }

  /** Who is not trusted is cut by Node, which says why only after that. */
  readonly #onClose = (): void => void setImmediate(() => this.#fail(CLOSED))
}

const CLOSED = 'the peer closed the connection'

function whyNoTls(error: Error & { readonly reason?: string }, socket: TLSSocket): string {
  const distrust = distrustOf(socket)
  if (distrust !== undefined) return `its certificate: ${distrust}`
  // What Node says of every connection that has ended before its handshake.
  if (error.message === 'socket hang up') return CLOSED
  // OpenSSL's own words, without where in its sources they stand.
  return error.reason ?? error.message
}
