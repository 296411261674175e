import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import { isFault } from '@doublehop/errors/fault'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { unmapped } from '@doublehop/wire/ip'
import { staggered } from './attempts.ts'
import { contextOf } from './context.ts'
import type { Answer, Language } from './languages/language.ts'
import { LANGUAGES } from './languages/languages.ts'
import { shown } from './languages/shown.ts'
import { type Talked, talk } from './languages/talk.ts'
import { greetStandIn, leaveNonce } from './observe-stand-in.ts'
import { layer, type Outcome, type Trail } from './observe-trail.ts'
import type { Probe } from './plan.ts'
import type { Layer } from './result.ts'
import { openAnother } from './tcp.ts'
import { alertOf, secure } from './tls.ts'

/** When another connection is tried because the one before has met silence so far, in parts of the timeout. */
const STARTS = [0, 0.15, 0.3]
/** The most that a stranger may say to us. */
const MOST_BYTES = 131_072

export interface AboveOptions {
  /** how long each connection may take */
  readonly milliseconds: number
  readonly trail: Trail
  readonly signal?: AbortSignal | undefined
}

/**
 * Speaks TLS and then the language of the destination over a connection that is open, and over a second and a third where
 * it meets silence: a packet that got lost is not yet a firewall.
 */
export async function speakAbove(
  probe: Probe,
  first: Socket,
  { milliseconds, trail, signal }: AboveOptions,
): Promise<Outcome> {
  const began = performance.now()
  let above: Above
  try {
    above = new Above(probe, trail, milliseconds)
  } catch (error) {
    first.destroy()
    // A file of the plan that cannot be read: nothing was learnt of the other side.
    if (!isFault(error)) throw error
    const note = error.message
    return { observed: 'unknown', note, layers: [layer('tls', 'fail', note, began)] }
  }
  const [outcome] = await staggered<Outcome>({
    starts: STARTS.map((part) => part * milliseconds),
    attempt: async (stop, index) => {
      const socket = index === 0 ? first : await openAnother(probe, milliseconds, trail, stop)
      return socket && (await above.speak(socket, stop))
    },
    isBest: () => true,
    grace: 0,
    signal,
  })
  first.destroy()
  return outcome ?? above.silence
}

/** All that is above TCP, on one connection at a time. */
class Above {
  readonly #probe: Probe
  readonly #trail: Trail
  readonly #milliseconds: number
  readonly #context: SecureContext | undefined
  readonly #language: Language | undefined
  /** how far it came where it met nothing but silence */
  #silence: Outcome | undefined

  /** @throws Fault DH_CERTIFICATE */
  constructor(probe: Probe, trail: Trail, milliseconds: number) {
    this.#probe = probe
    this.#trail = trail
    this.#milliseconds = milliseconds
    this.#context = probe.tls && contextOf(probe.tls)
    this.#language = LANGUAGES[probe.speaks]
  }

  get silence(): Outcome {
    return this.#silence ?? { observed: 'unknown', note: 'nothing was tried', layers: [] }
  }

  /** Undefined is silence; the connection is over then, as it is after everything else. */
  async speak(socket: Socket, stop: AbortSignal): Promise<Outcome | undefined> {
    const local = { host: unmapped(socket.localAddress ?? ''), port: socket.localPort ?? 0 }
    const { tls } = this.#probe
    if (tls === undefined || this.#context === undefined)
      return await this.#ask(socket, socket, local, [], stop)
    const began = performance.now()
    const secured = await secure(socket, this.#context, tls, {
      milliseconds: this.#left,
      stop,
    })
    if (secured.end === 'secure') {
      const passed = layer('tls', 'pass', secured.note, began)
      return await this.#ask(secured.stream, socket, local, [passed], stop)
    }
    if (secured.end === 'stand-in') return await this.#standIn(secured.source)
    if (secured.end === 'silent') {
      if (!stop.aborted) this.#metSilence([], 'tls', secured.heard, began)
      return undefined
    }
    const { observed, note } = secured
    return { observed, note, layers: [layer('tls', 'fail', note, began)] }
  }

  get #left(): number {
    return Math.min(this.#milliseconds, this.#trail.left)
  }

  async #ask(
    stream: Duplex,
    socket: Socket,
    local: Endpoint,
    below: readonly Layer[],
    stop: AbortSignal,
  ): Promise<Outcome | undefined> {
    const language = this.#language
    if (language === undefined) {
      stream.destroy()
      return { observed: 'open', layers: below }
    }
    const { to, port, tls } = this.#probe
    const nonce = randomBytes(16).toString('hex')
    const began = performance.now()
    const about = {
      ...{ from: local, to: { host: to.address, port }, nonce },
      host: tls?.serverName ?? (to.address.includes(':') ? `[${to.address}]` : to.address),
    }
    const talked = await talk(stream, language.ask(about), {
      ...{ milliseconds: this.#left, bytes: MOST_BYTES, stop },
    })
    if (talked.end === 'stand-in') {
      if (language.layer === 'echo') this.#trail.nonce(nonce)
      if (language.layer === 'ica') this.#trail.nonce(leaveNonce(socket))
      else stream.destroy()
      const hasNonce = language.layer === 'echo' || language.layer === 'ica'
      return await this.#standIn(talked.source, hasNonce)
    }
    stream.destroy()
    socket.destroy()
    if (talked.end === 'silent') {
      if (!stop.aborted) this.#metSilence(below, language.layer, talked.heard, began)
      return undefined
    }
    return outcomeOf(talked, language.layer, below, began)
  }

  #metSilence(
    below: readonly Layer[],
    name: Layer['layer'],
    heard: Uint8Array,
    began: number,
  ): void {
    if (this.#silence !== undefined && this.#silence.layers.length > below.length) return
    const what = name === 'tls' ? 'open, but says nothing to TLS' : 'open, but says nothing'
    const note = heard.length === 0 ? what : `answers ${shown(heard)}, and then nothing`
    const layers = [...below, layer(name, 'fail', note, began)]
    this.#silence = { observed: 'wrong-service', note, layers }
  }

  /** @param hasNonce it has got its nonce, and needs no visit of its own */
  async #standIn(source: Outcome['standIn'], hasNonce = false): Promise<Outcome> {
    const seen = hasNonce ? source : await greetStandIn(this.#probe, this.#trail, this.#left)
    const standIn = seen ?? source
    return { observed: 'open', layers: [], ...(standIn && { standIn }) }
  }
}

function outcomeOf(
  talked: Exclude<Talked<Answer>, { end: 'stand-in' | 'silent' }>,
  name: Layer['layer'],
  below: readonly Layer[],
  began: number,
): Outcome {
  if (talked.end === 'answered') {
    const { fits, observed = 'wrong-service', note } = talked.result
    if (fits) return { observed: 'open', layers: [...below, layer(name, 'pass', note, began)] }
    const seen = note ?? `answers ${shown(talked.heard)}`
    return { observed, note: seen, layers: [...below, layer(name, 'fail', seen, began)] }
  }
  // In TLS 1.3 a server judges our certificate when for us the handshake is over.
  const alert = 'code' in talked ? alertOf(talked) : undefined
  if (alert !== undefined)
    return { observed: 'unknown', note: alert, layers: [layer('tls', 'fail', alert, began)] }
  const overTls = below.length > 0
  const note = noteOf(talked, overTls)
  return { observed: 'wrong-service', note, layers: [...below, layer(name, 'fail', note, began)] }
}

function noteOf({ end, heard }: Pick<Talked<Answer>, 'end' | 'heard'>, overTls: boolean): string {
  if (heard.length > 0) return `answers ${shown(heard)}`
  const how = end === 'broken' ? 'resets' : 'closes'
  const perhaps = overTls ? ': it may not know the certificate that was shown to it' : ''
  return `open, but ${how} without a word${perhaps}`
}
