import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { staggered } from './attempts.ts'
import { afterListening } from './attempts-clock.ts'
import { nameQuery } from './languages/dns.ts'
import { nonceQuery } from './languages/edt.ts'
import { timeQuery } from './languages/ntp.ts'
import type { Question } from './languages/question.ts'
import { shown } from './languages/shown.ts'
import { layer, type Outcome } from './observe-trail.ts'
import type { Probe } from './plan.ts'
import type { Layer } from './result.ts'
import { type Meaning, meaningOfError, meaningSeen } from './socket-errors.ts'
import type { TcpOptions } from './tcp.ts'
import type { Witness } from './witness.ts'

/** When the five datagrams leave, each from a port of its own, in parts of the timeout. */
const STARTS = [0, 0.05, 0.1, 0.15, 0.2]
const GRACE = 0.1

/** The layer above UDP, and what is asked there. */
const QUESTIONS: Readonly<
  Record<string, { readonly layer: Layer['layer']; readonly ask: () => Question }>
> = {
  dns: { layer: 'dns', ask: nameQuery },
  ntp: { layer: 'ntp', ask: timeQuery },
}
const NONCE = { layer: 'nonce', ask: nonceQuery } as const

export function questionOf({ speaks }: Pick<Probe, 'speaks'>): (typeof QUESTIONS)[string] {
  return QUESTIONS[speaks] ?? NONCE
}

type Answer =
  | { readonly answered: ReturnType<Question['read']>; readonly bytes: Uint8Array }
  | { readonly code: string; readonly from: Endpoint | undefined }
  /** a packet came back that Linux keeps to itself: of ICMP it tells UDP hardly more than that a port is closed */
  | { readonly meaning: Meaning }

/** Asks over UDP what the destination speaks; UDP itself knows no answer but that a port is closed. */
export async function askUdp(probe: Probe, options: TcpOptions): Promise<Outcome> {
  const { milliseconds, trail, witness, signal } = options
  const { layer: above } = questionOf(probe)
  const began = performance.now()
  const tried: Endpoint[] = []
  const answers = await staggered<Answer>({
    starts: STARTS.map((part) => part * milliseconds),
    attempt: (stop) => {
      const question = questionOf(probe).ask()
      if (question.nonce !== undefined) trail.nonce(question.nonce)
      const note = (from: Endpoint): void => {
        tried.push(from)
        trail.from(from)
      }
      return attempt(probe, question, milliseconds, note, stop, witness)
    },
    isBest: (answer) => 'answered' in answer,
    grace: GRACE * milliseconds,
    // Of two firewalls that share the work one may have the hole.
    perseveres: probe.expect === 'deny',
    signal,
  })
  const answer = answers.find((one) => 'answered' in one)
  if (answer === undefined) {
    const { detail, ...seen } = await meaningOf(answers, tried, probe, options)
    return { ...seen, layers: [layer('udp', 'fail', detail, began)] }
  }
  const { fits, standIn } = answer.answered
  const udp = layer('udp', 'pass', undefined, began)
  const note = answer.answered.note ?? `answers ${shown(answer.bytes)}`
  if (!fits)
    return {
      ...{ observed: 'wrong-service', note },
      layers: [udp, layer(above, 'fail', note, began)],
    }
  const layers = [udp, layer(above, 'pass', note, began)]
  return { observed: 'open', layers, ...(standIn && { standIn }) }
}

/** One datagram: undefined when nothing came back in time. */
function attempt(
  { from, to, port }: Probe,
  question: Question,
  milliseconds: number,
  note: (from: Endpoint) => void,
  stop: AbortSignal,
  witness?: Witness,
): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>()
  const isV6 = isIPv6(to.address)
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6 })
  let local: Endpoint | undefined
  const over = new AbortController()
  const settle = (answer: Answer | undefined): void => {
    if (over.signal.aborted) return
    over.abort()
    callOff()
    stop.removeEventListener('abort', giveUp)
    socket.close()
    resolve(answer)
  }
  const giveUp = (): void => settle(undefined)
  const onError = ({ code = 'unknown' }: NodeJS.ErrnoException): void =>
    settle({ code, from: local })
  const callOff = afterListening(milliseconds, giveUp)
  stop.addEventListener('abort', giveUp)
  socket
    .on('error', onError)
    .on('message', (bytes) => settle({ answered: question.read(bytes), bytes }))
    .bind({ address: from.address ?? (isV6 ? '::' : '0.0.0.0'), port: 0, exclusive: true }, () => {
      if (over.signal.aborted) return
      // Connected, the kernel tells us of a closed port, and of nobody else's datagrams.
      socket.connect(port, to.address, (error?: Error) => {
        if (over.signal.aborted) return
        if (error !== undefined && error !== null) return onError(error)
        const { address: host, port: own } = socket.address()
        local = { host, port: own }
        note(local)
        const attempt = { protocol: 'udp', from: local, to: { host: to.address, port } } as const
        witness?.begin(attempt)
        void meaningSeen(witness, attempt, milliseconds, over.signal).then((meaning) => {
          if (meaning !== undefined) settle({ meaning })
        })
        socket.send(question.datagram, (failed) => {
          if (failed !== null) onError(failed)
        })
      })
    })
  return promise
}

async function meaningOf(
  answers: readonly Answer[],
  tried: readonly Endpoint[],
  probe: Probe,
  options: TcpOptions,
): Promise<Meaning> {
  const seen = answers.find((answer) => 'meaning' in answer)
  if (seen !== undefined) return seen.meaning
  const error = answers.find((answer) => 'code' in answer)
  if (error !== undefined) return await meaningOfError(error, probe, options)
  const place = formatEndpoint({ host: probe.to.address, port: probe.port })
  const detail = `no answer from ${place} to ${tried.length} datagrams`
  if (probe.expect === 'allow' && questionOf(probe) === NONCE)
    return {
      observed: 'unknown',
      note: 'nobody needs to answer there; run doublehop listen',
      detail,
    }
  return { observed: 'filtered', detail }
}
