import { type Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { readBody } from '@doublehop/daemon/http-body'
import { type Fault, fault, isFault } from '@doublehop/errors/fault'
import { STA_LIMIT, STA_PATH } from '@doublehop/wire/sta-messages'
import { takeTurn } from './turns.ts'

/** One question to an STA over HTTP. */
export interface StaQuestion {
  /** how the STA is called in errors: its id, or its url where that is not known */
  readonly sta: string
  readonly url: URL
  /** left out: GET, which asks for health and identity */
  readonly body?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export interface StaReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

export interface AskOptions {
  /** opens connections and keeps them; its errors are passed on */
  readonly agent: Agent
  /** from the connection to the whole answer; as long for a turn before that */
  readonly milliseconds: number
  /** the longest answer that is read */
  readonly bytes?: number
  readonly signal?: AbortSignal | undefined
  /** the connection is there, and whether it served before; the request leaves now */
  readonly onConnected?: ((reused: boolean) => void) | undefined
}

/** How a relay tells which fault of an STA it met. */
export const ERROR_HEADER = 'doublehop-error'

/**
 * Asks once, when it has a turn. What was written is never written again, not even to another address of the STA.
 *
 * @throws Fault of the agent (nothing was written), DH_STA_UNREACHABLE (likewise), DH_STA_TIMEOUT, DH_STA_LOST,
 *   DH_STA_ANSWER, DH_STA_FORBIDDEN, or the reason of `signal`
 */
export async function askSta(question: StaQuestion, options: AskOptions): Promise<StaReply> {
  const { sta, url } = question
  const { agent, milliseconds, signal } = options
  const endTurn = await takeTurn(agent, { sta, url, milliseconds, signal })
  try {
    return await exchange(question, options)
  } finally {
    endTurn()
  }
}

async function exchange(question: StaQuestion, options: AskOptions): Promise<StaReply> {
  const { sta } = question
  const { bytes = STA_LIMIT } = options
  const { promise, resolve, reject } = Promise.withResolvers<StaReply>()
  let timer: NodeJS.Timeout | undefined
  let written = false

  // Not by request.destroy(error) alone: once an answer has begun, Node tells nobody of that error.
  const giveUp = (reason: unknown): void => {
    reject(reason)
    request.destroy()
  }
  const request = httpRequest({
    agent: options.agent,
    host: question.url.hostname.replace(/^\[|\]$/g, ''),
    port: question.url.port || (question.url.protocol === 'https:' ? 443 : 80),
    path: STA_PATH,
    method: question.body === undefined ? 'GET' : 'POST',
    headers: {
      ...question.headers,
      ...(question.body && { 'content-type': 'text/xml', 'content-length': question.body.length }),
    },
  })
  request
    .on('socket', (socket) => {
      const leave = (): void => {
        options.onConnected?.(request.reusedSocket)
        written = true
        const late = fault('DH_STA_TIMEOUT', { sta, seconds: options.milliseconds / 1000 })
        timer = setTimeout(() => giveUp(late), options.milliseconds)
        request.end(question.body)
      }
      if (socket.connecting)
        socket.once('secureConnect' in socket ? 'secureConnect' : 'connect', leave)
      else leave()
    })
    .on('response', (response) => {
      const { statusCode: status = 0, headers } = response
      const cutOff = { sta, why: `it is cut off, or longer than ${bytes} bytes` }
      void readBody(response, bytes).then((body) =>
        body === undefined
          ? giveUp(fault('DH_STA_ANSWER', cutOff))
          : resolve({ status, headers, body }),
      )
    })
    .on('error', (error) => reject(isFault(error) ? error : lost(sta, written, error)))

  const onAbort = (): void => giveUp(options.signal?.reason)
  options.signal?.addEventListener('abort', onAbort)
  if (options.signal?.aborted) onAbort()
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', onAbort)
  }
}

/** Holds a reply to a POST against what an STA, or a relay before it, may answer. @throws Fault DH_STA_… */
export function checkReply(sta: string, what: string, { status, headers }: StaReply): void {
  if (status === 200) return
  const told = headers[ERROR_HEADER]
  if (told === 'DH_DRAINING') throw fault(told, {})
  if (told === 'DH_STA_UNREACHABLE') throw fault(told, { sta, why: 'so says the proxy before it' })
  if (told === 'DH_STA_TIMEOUT') throw fault(told, { sta, seconds: '(limit of the proxy)' })
  if (told === 'DH_STA_LOST') throw fault(told, { sta, why: 'so says the proxy before it' })
  if (status === 403) throw fault('DH_STA_FORBIDDEN', { sta, what })
  throw fault('DH_STA_ANSWER', { sta, why: `HTTP ${status}` })
}

function lost(sta: string, written: boolean, error: NodeJS.ErrnoException): Fault {
  const why = error.code ?? error.message
  // Node's parser of HTTP calls its errors so; one of them is an end in the middle.
  if (written && why.startsWith('HPE_') && why !== 'HPE_INVALID_EOF_STATE')
    return fault('DH_STA_ANSWER', { sta, why: `it is no HTTP (${why})` }, error)
  return written
    ? fault('DH_STA_LOST', { sta, why }, error)
    : fault('DH_STA_UNREACHABLE', { sta, why }, error)
}
