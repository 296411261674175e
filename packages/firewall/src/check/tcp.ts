import { connect, isIPv6, type Socket } from 'node:net'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { staggered } from './attempts.ts'
import { afterListening } from './attempts-clock.ts'
import { layer, type Outcome, type Trail } from './observe-trail.ts'
import type { Probe } from './plan.ts'
import { type Meaning, meaningOfError, meaningSeen } from './socket-errors.ts'
import type { Witness } from './witness.ts'

/** How one attempt ended that did not meet silence. */
type Answer =
  | { readonly socket: Socket }
  | { readonly code: string; readonly from: Endpoint | undefined }
  /** a packet came back that the kernel has kept to itself so far */
  | { readonly meaning: Meaning }

/** When the three connections begin that must all meet silence before it is believed, in parts of the timeout. */
const STARTS = [0, 0.1, 0.2]
/** How long an answer waits for a better one of those under way, and for the packet behind it. */
const GRACE = 0.1

export interface TcpOptions {
  /** how long each connection may take */
  readonly milliseconds: number
  readonly trail: Trail
  readonly witness?: Witness | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens a connection, from the address of the probe. Gives the socket, which is the caller's from then on and paused, or
 * what there is instead.
 */
export async function openTcp(probe: Probe, options: TcpOptions): Promise<Socket | Outcome> {
  const { milliseconds, trail, witness, signal } = options
  const began = performance.now()
  const tried: Endpoint[] = []
  const note = (from: Endpoint): void => {
    tried.push(from)
    trail.from(from)
  }
  const answers = await staggered<Answer>({
    starts: STARTS.map((part) => part * milliseconds),
    attempt: (stop) => attempt(probe, milliseconds, note, stop, witness),
    isBest: (answer) => 'socket' in answer,
    grace: GRACE * milliseconds,
    // Of two firewalls that share the work one may have the hole.
    perseveres: probe.expect === 'deny',
    signal,
  })
  const open = answers.find((answer) => 'socket' in answer)
  for (const answer of answers) if (answer !== open && 'socket' in answer) answer.socket.destroy()
  if (open !== undefined) {
    trail.pass(layer('tcp', 'pass', undefined, began))
    return open.socket
  }
  const meaning = await meaningOf(answers, tried, probe, options)
  const { detail, ...seen } = meaning
  return { ...seen, layers: [layer('tcp', 'fail', detail, began)] }
}

/** One more connection, for what could not be asked on the first. Undefined when it does not open. */
export async function openAnother(
  probe: Probe,
  milliseconds: number,
  trail: Trail,
  stop: AbortSignal,
): Promise<Socket | undefined> {
  const answer = await attempt(probe, milliseconds, (from) => trail.from(from), stop)
  return answer !== undefined && 'socket' in answer ? answer.socket : undefined
}

/** One connection: undefined when nothing came back in time. */
function attempt(
  { from, to, port }: Probe,
  milliseconds: number,
  note: (from: Endpoint) => void,
  stop: AbortSignal,
  witness?: Witness,
): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>()
  const localAddress = from.address ?? (isIPv6(to.address) ? '::' : '0.0.0.0')
  let local: Endpoint | undefined
  const socket = connect({ host: to.address, port, localAddress, allowHalfOpen: true })
  const over = new AbortController()
  const settle = (answer: Answer | undefined): void => {
    over.abort()
    callOff()
    stop.removeEventListener('abort', giveUp)
    if (answer === undefined || !('socket' in answer)) socket.destroy()
    resolve(answer)
  }
  const giveUp = (): void => settle(undefined)
  const callOff = afterListening(milliseconds, giveUp)
  stop.addEventListener('abort', giveUp)
  socket
    .once('connectionAttempt', () => {
      // The port is taken when the socket is bound, which is before the first packet leaves.
      local = { host: socket.localAddress ?? localAddress, port: socket.localPort ?? 0 }
      note(local)
      const attempt = { protocol: 'tcp', from: local, to: { host: to.address, port } } as const
      witness?.begin(attempt)
      // Linux only remembers an error that comes while it is still at work in connect(2), and goes on.
      void meaningSeen(witness, attempt, milliseconds, over.signal).then((meaning) => {
        if (meaning !== undefined) settle({ meaning })
      })
    })
    .once('connect', () => {
      // What comes before anybody listens stays in the kernel.
      socket.pause().setNoDelay(true)
      if (stop.aborted) socket.destroy()
      settle({ socket })
    })
    .on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
      settle(code === 'ETIMEDOUT' ? undefined : { code, from: local })
    })
  return promise
}

/** From the best to know to the least. */
const RANKS = ['EADDRNOTAVAIL', 'ECONNREFUSED', 'ENOPROTOOPT', 'EACCES', 'EHOSTUNREACH']

function rankOf(code: string): number {
  const rank = RANKS.indexOf(code)
  return rank < 0 ? RANKS.length : rank
}

async function meaningOf(
  answers: readonly Answer[],
  tried: readonly Endpoint[],
  probe: Probe,
  options: TcpOptions,
): Promise<Meaning> {
  const seen = answers.find((answer) => 'meaning' in answer)
  if (seen !== undefined) return seen.meaning
  const errors = answers.filter((answer) => 'code' in answer)
  const [best] = errors.toSorted((a, b) => rankOf(a.code) - rankOf(b.code))
  if (best === undefined) {
    const place = formatEndpoint({ host: probe.to.address, port: probe.port })
    return {
      observed: 'filtered',
      detail: `no answer from ${place} to ${tried.length} connections`,
    }
  }
  return await meaningOfError(best, probe, options)
}
