import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { concat } from '@doublehop/wire/conversation'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { unmapped } from '@doublehop/wire/ip'

/** Who stands at the other end of a connection. */
export interface Peer extends Endpoint {
  /** first DNS name of its verified certificate; without TLS or certificate there is none */
  readonly name?: string
  /** why the certificate it showed was not verified, where it is let in without one: `CERT_REVOKED` */
  readonly distrust?: string
  /** `TLSv1.3`, `TLSv1.2`; undefined over plain TCP */
  readonly tls?: string
}

/** What a leg reports to whoever is in charge of it: first a conversation, then a splice. */
export interface LegListener {
  bytes(chunk: Uint8Array): void
  /** the peer's FIN: it will say no more, but still listens */
  end(): void
  /** what was written has left; write on */
  drain(): void
  /** the connection is gone, with the error that ended it, if any */
  close(error: NodeJS.ErrnoException | undefined): void
}

/**
 * One TCP or TLS connection, the edge of every protocol here. It hands over bytes by callback and keeps what arrives
 * while nobody listens, up to a bound: beyond it the socket is not read from, so the peer's kernel holds the rest.
 *
 * Over TLS the raw socket is kept beside the TLS one, because only a raw socket can send an RST.
 */
export class Leg {
  readonly peer: Peer
  readonly local: Endpoint
  /** when it was open, TLS and all (performance.now()) */
  readonly since = performance.now()
  readonly #socket: Socket
  readonly #raw: Socket
  readonly #keep: number
  readonly #gone = new AbortController()
  #listener: LegListener | undefined
  #unread: Uint8Array[] = []
  #unreadLength = 0
  #ended = false
  #error: NodeJS.ErrnoException | undefined
  #closed = false
  #received = 0
  #sent = 0

  /**
   * @param raw the TCP socket, opened with allowHalfOpen
   * @param tls the TLS socket over it, after its handshake
   * @param keep how many bytes are kept while nobody listens
   */
  constructor(raw: Socket, tls: TLSSocket | undefined, peer: Peer, keep: number) {
    this.#raw = raw
    this.#socket = tls ?? raw
    this.#keep = keep
    this.peer = peer
    this.local = { host: unmapped(raw.localAddress ?? ''), port: raw.localPort ?? 0 }
    // After a minute of silence six questions, ten seconds apart: a short outage of the network ends no quiet session.
    raw.setKeepAlive(true, 60_000, 10_000, 6)
    raw.setNoDelay(true)
    if (tls !== undefined) raw.on('error', () => {}) // the TLS socket reports it
    this.#socket
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('drain', this.#onDrain)
      .on('error', this.#onError)
      .on('close', this.#onClose)
  }

  /** Aborted when the connection is gone, not when the peer has merely ended its half. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Bytes received from and sent to the peer, above TLS. */
  get received(): number {
    return this.#received
  }

  get sent(): number {
    return this.#sent
  }

  /**
   * The kernel has given the connection up: a reset, or a peer that answers no more. Node hears of that only while it
   * reads or has something to write, so of a leg that is paused, or whose peer has ended, one has to ask. What came
   * before may still be unread; and a leg that both have ended while it was paused looks the same.
   */
  get isLost(): boolean {
    return !this.#closed && lostItsPeer(this.#raw)
  }

  /** What was written, and the FIN behind it, is in the hands of the kernel. */
  get hasSaidAll(): boolean {
    return this.#socket.writableFinished
  }

  /** Puts `listener` in charge; it first gets what arrived before, in order. */
  listen(listener: LegListener): void {
    this.#listener = listener
    // Before the listener gets anything: it may want to pause at once.
    if (!this.#closed) this.#socket.resume()
    const isInCharge = (): boolean => this.#listener === listener
    while (isInCharge() && this.#unread.length > 0) {
      const chunk = this.#unread.shift() as Uint8Array
      this.#unreadLength -= chunk.length
      listener.bytes(chunk)
    }
    if (isInCharge() && this.#ended) listener.end()
    if (isInCharge() && this.#closed) listener.close(this.#error)
  }

  /** Nobody is in charge any more; `unread` is what the last one was given but did not use. */
  silence(unread: Uint8Array = new Uint8Array(0)): void {
    this.#listener = undefined
    if (unread.length > 0) {
      this.#unread.unshift(unread)
      this.#unreadLength += unread.length
    }
    if (this.#unreadLength >= this.#keep) this.#socket.pause()
  }

  /** Takes what arrived while nobody listened. */
  takeUnread(): Uint8Array {
    const unread = concat(...this.#unread)
    this.#unread = []
    this.#unreadLength = 0
    if (!this.#closed) this.#socket.resume()
    return unread
  }

  /** Sends in one write. False when the peer is slow: stop until `drain`. */
  write(bytes: Uint8Array): boolean {
    this.#sent += bytes.length
    return this.#closed || this.#socket.write(bytes)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** FIN, after what was written. */
  end(): void {
    this.#socket.end()
  }

  /**
   * RST: the peer sees ECONNRESET, through TLS as well. The TLS socket ends itself when the raw one is gone; to destroy
   * both, this one first, ends the process where Node is still at work in its handshake.
   */
  reset(): void {
    if (this.#closed) return
    // While a FIN is on its way out, behind all that was written, libuv refuses to reset, and Node then forgets the
    // socket without closing it.
    const { writableEnded, writableLength, writableFinished } = this.#socket
    const isEnding = writableEnded && writableLength === 0 && !writableFinished
    if (isEnding) this.destroy()
    else this.#raw.resetAndDestroy()
  }

  /** Ends it at once, without a word. */
  destroy(): void {
    this.#socket.destroy()
    this.#raw.destroy()
  }

  /** Sends these last bytes and a FIN, and gives the peer a moment to take them before the connection is cut. */
  endWith(bytes: Uint8Array, milliseconds = 1000): void {
    if (this.#closed) return
    this.silence()
    const cut = setTimeout(() => this.destroy(), milliseconds)
    this.gone.addEventListener('abort', () => clearTimeout(cut))
    // What the peer still says is thrown away; once both have ended, the socket closes by itself.
    this.listen({ bytes() {}, end() {}, drain() {}, close() {} })
    this.#socket.end(bytes)
  }

  /**
   * Gives the socket itself away, to HTTP, with everything unread put back into it. It flows again when whoever took it
   * has attached its listeners, and before it is read from again: Node's HTTP reads past what was put back.
   */
  handOver(): Duplex {
    this.#socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('drain', this.#onDrain)
      .off('error', this.#onError)
    this.#socket.pause()
    const unread = concat(...this.#unread)
    if (unread.length > 0 && !this.#ended) this.#socket.unshift(unread)
    process.nextTick(() => this.#socket.resume())
    return this.#socket
  }

  toString(): string {
    return formatEndpoint(this.peer)
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#received += chunk.length
    if (this.#listener !== undefined) this.#listener.bytes(chunk)
    else this.#store(chunk)
  }

  #store(chunk: Uint8Array): void {
    this.#unread.push(chunk)
    this.#unreadLength += chunk.length
    if (this.#unreadLength >= this.#keep) this.#socket.pause()
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#listener?.end()
  }

  readonly #onDrain = (): void => this.#listener?.drain()

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#error = error
    // Node leaves a TLS socket open that got a bad record.
    this.destroy()
  }

  readonly #onClose = (): void => {
    this.#closed = true
    this.#gone.abort()
    this.#listener?.close(this.#error)
  }
}

/**
 * Whether the kernel's connection is over, which a socket that is not polled does not say. Node keeps the peer's
 * address once it has been asked for; its handle asks the kernel (ENOTCONN). A test holds this against the running Node.
 */
function lostItsPeer(socket: Socket): boolean {
  const { _handle } = socket as Socket & {
    readonly _handle: { getpeername(out: object): number } | null
  }
  return (_handle?.getpeername({}) ?? 0) < 0
}
