import { type Conversation, concat, say, take, takeByte } from '@doublehop/wire/conversation'
import { bytesOf } from '@doublehop/wire/text'

/** As much of an HTTP/1 answer as is needed to know who gave it. */
export interface HttpAnswer {
  readonly status: number
  /** by lower-case name */
  readonly headers: ReadonlyMap<string, string>
  /** empty where its length is not told, or above the bound */
  readonly body: Uint8Array
}

const LONGEST_HEAD = 16_384

/**
 * Sends a request and reads what comes back (RFC 9112); undefined as soon as that is no HTTP.
 *
 * @param bodyLimit a longer body is not read
 */
export function* askHttp(request: Uint8Array, bodyLimit = 0): Conversation<HttpAnswer | undefined> {
  yield* say(request)
  for (const expected of bytesOf('HTTP/1.')) if ((yield* takeByte()) !== expected) return
  const head = yield* takeHead()
  const [first = '', ...lines] = head?.split(/\r?\n/) ?? []
  const [, status] = /^\d (\d{3})(?: |$)/.exec(first) ?? []
  if (status === undefined) return
  const headers = new Map(
    lines.map((line) => {
      const [name = '', ...value] = line.split(':')
      return [name.toLowerCase(), value.join(':').trim()]
    }),
  )
  const length = Number(headers.get('content-length') ?? 0)
  const body = length > 0 && length <= bodyLimit ? yield* take(length) : new Uint8Array(0)
  return { status: Number(status), headers, body }
}

/** Up to the empty line; undefined when it is too long. */
function* takeHead(): Conversation<string | undefined> {
  let head = ''
  while (head.length < LONGEST_HEAD) {
    head += String.fromCharCode(yield* takeByte())
    if (/\r?\n\r?\n$/.test(head.slice(-4))) return head.trimEnd()
  }
  return
}

/** A request of one go: nothing follows it on this connection. */
export function httpRequest(
  line: string,
  host: string,
  headers: Readonly<Record<string, string>> = {},
  body: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const all = { host, connection: 'close', ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return concat(bytesOf(`${line} HTTP/1.1\r\n${lines.join('')}\r\n`), body)
}
