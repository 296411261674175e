import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, type SecureContext, type TLSSocket } from 'node:tls'
import { nameToVerify } from '@doublehop/daemon/tls'
import { mayBeGreeting, readGreeting, type SeenSource } from '../listen/language.ts'
import { afterListening } from './attempts-clock.ts'
import { shown } from './languages/shown.ts'
import type { ProbeTls } from './plan.ts'
import type { Observed } from './result.ts'
import { judge } from './tls-judgement.ts'

/** How a handshake ended. */
export type Secured =
  | { readonly end: 'secure'; readonly stream: TLSSocket; readonly note: string }
  /** nothing more came until the time was over */
  | { readonly end: 'silent'; readonly heard: Uint8Array }
  /** `doublehop listen` greets where TLS is expected */
  | { readonly end: 'stand-in'; readonly source: SeenSource | undefined }
  | { readonly end: 'failed'; readonly observed: Observed; readonly note: string }

/**
 * Speaks TLS over a connection, which is its own from then on, and holds what is shown there against what the plan
 * expects. Never rejects for what the other side does.
 *
 * @param context TLS 1.2 or later, whom to trust, and how to show oneself
 */
export async function secure(
  socket: Socket,
  context: SecureContext,
  expected: ProbeTls,
  { milliseconds, stop }: { readonly milliseconds: number; readonly stop: AbortSignal },
): Promise<Secured> {
  const { promise, resolve } = Promise.withResolvers<Secured>()
  const tap = new Tap(socket)
  // Who is there is judged below, with more than one word; so it is let in first.
  const stream = connect({
    ...{ socket: tap, secureContext: context },
    ...(expected.serverName === undefined
      ? { checkServerIdentity: () => undefined }
      : nameToVerify(expected.serverName)),
    rejectUnauthorized: false,
  })
  const onError = (error: NodeJS.ErrnoException & { reason?: string }): void =>
    resolve(failed(error, tap))
  const onClose = (): void => onError(new Error('closed'))
  const onSilence = (): void => resolve({ end: 'silent', heard: tap.heard })
  const callOff = afterListening(milliseconds, onSilence)
  stop.addEventListener('abort', onSilence)
  stream
    .once('secureConnect', () => {
      const { observed, note } = judge(stream, expected)
      if (observed === 'open') resolve({ end: 'secure', stream, note })
      else resolve({ end: 'failed', observed, note })
    })
    .on('error', onError)
    .on('close', onClose)
  const secured = await promise
  callOff()
  stop.removeEventListener('abort', onSilence)
  stream.off('close', onClose)
  if (secured.end !== 'secure') {
    stream.destroy()
    tap.destroy()
  }
  return secured
}

/** What a failed handshake means: no TLS there at all, TLS that does not want us, or somebody who cuts it. */
function failed(
  error: NodeJS.ErrnoException & { reason?: string },
  { heard, wasReset }: Tap,
): Secured {
  const text = new TextDecoder('latin1').decode(heard)
  const source = readGreeting(text)
  if (source !== undefined || (heard.length > 0 && mayBeGreeting(text)))
    return { end: 'stand-in', source }
  const alert = alertOf(error)
  if (alert !== undefined) return { end: 'failed', observed: 'unknown', note: alert }
  if (heard.length === 0)
    return {
      ...{ end: 'failed', observed: 'wrong-service' },
      note: `open, but ${wasReset ? 'reset' : 'closed'} as soon as TLS begins`,
    }
  const isTls = heard[1] === 3 && [20, 21, 22].includes(heard[0] ?? 0)
  const note = isTls
    ? `TLS fails: ${error.reason ?? error.code ?? error.message}`
    : `no TLS there, it answers ${shown(heard)}`
  return { end: 'failed', observed: 'wrong-service', note }
}

/** The alert by which the other side refused (RFC 8446, 6); undefined for any other error. */
export function alertOf({ code = '' }: { readonly code?: string }): string | undefined {
  const [, name] = /^ERR_SSL_\w*?ALERT_(\w+)$/.exec(code) ?? []
  return name && `TLS alert from there: ${name.toLowerCase().replaceAll('_', ' ')}`
}

/** So much of what is heard is kept: enough for a greeting, and to be shown. */
const KEPT = 128

/** A socket with somebody who notes what the other side says first. */
class Tap extends Duplex {
  readonly #socket: Socket
  #heard: Buffer = Buffer.alloc(0)
  #wasReset = false

  constructor(socket: Socket) {
    super({ allowHalfOpen: true })
    // The TLS above tells it, while it is there.
    this.on('error', () => {})
    this.#socket = socket
      .on('data', (chunk: Buffer) => {
        if (this.#heard.length < KEPT)
          this.#heard = Buffer.concat([this.#heard, chunk]).subarray(0, KEPT)
        this.push(chunk)
      })
      .on('end', () => this.push(null))
      .on('error', (error) => {
        this.#wasReset = true
        this.destroy(error)
      })
      .on('close', () => this.destroy())
    socket.resume()
  }

  get heard(): Uint8Array {
    return this.#heard
  }

  /** Node calls a connection reset that was merely closed while TLS was at work. */
  get wasReset(): boolean {
    return this.#wasReset
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}
