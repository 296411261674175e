import { type Conversation, concat, say, take, takeByte } from '@doublehop/wire/conversation'
import { bytesOf } from '@doublehop/wire/text'

/** As much of an HTTP/1 answer as is needed to know who gave it. */
export interface HttpAnswer {
  readonly status: number
  /** by lower-case name */
  readonly headers: ReadonlyMap<string, string>
  /** undefined where its length is not told, or above the bound */
  readonly body: Uint8Array | undefined
}

const LONGEST_HEAD = 16_384
const LONGEST_CHUNK_LINE = 256
const MOST_CHUNKS = 1000

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
  return { status: Number(status), headers, body: yield* takeBody(headers, bodyLimit) }
}

function* takeBody(
  headers: ReadonlyMap<string, string>,
  limit: number,
): Conversation<Uint8Array | undefined> {
  if (limit === 0) return
  if (/^chunked$/i.test(headers.get('transfer-encoding') ?? '')) return yield* takeChunks(limit)
  const told = headers.get('content-length') ?? ''
  return /^\d{1,9}$/.test(told) && Number(told) <= limit ? yield* take(Number(told)) : undefined
}

/** A body whose length comes bit by bit (RFC 9112, 7.1); undefined when that is not kept to, or goes too far. */
function* takeChunks(limit: number): Conversation<Uint8Array | undefined> {
  let body: Uint8Array = new Uint8Array(0)
  for (let chunks = 0; chunks < MOST_CHUNKS; chunks++) {
    const length = yield* takeChunkLength()
    if (length === undefined || body.length + length > limit) return
    if (length === 0) return body
    body = concat(body, yield* take(length))
    yield* take(2) // CR LF
  }
  return
}

function* takeChunkLength(): Conversation<number | undefined> {
  let line = ''
  while (line.length < LONGEST_CHUNK_LINE && !line.endsWith('\n'))
    line += String.fromCharCode(yield* takeByte())
  const [, digits] = /^([0-9A-F]{1,8}) *(?:;.*)?\r\n$/i.exec(line) ?? []
  return digits === undefined ? undefined : Number.parseInt(digits, 16)
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
