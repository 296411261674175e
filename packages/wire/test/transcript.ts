import { isDeepStrictEqual } from 'node:util'
import type { Code } from '@doublehop/errors/catalogue'
import { isFault } from '@doublehop/errors/fault'
import type { Test } from 'tap'
import { type Conversation, concat, Dialogue } from '../src/conversation.ts'
import { bytesOf } from '../src/text.ts'

/**
 * Tests that read as the wire does. A scene is a transcript, one line a write:
 *
 *     C 05 01 00            # the client offers no login
 *     S 05 00
 *     C 05 01 00 03 0b "example.org" 00 50
 *
 * The conversation under test speaks one of the sides; the lines of the other are fed to it, in every way a
 * network may cut and join them, and each way has to give what the transcript says.
 */
export interface Scene<Result> {
  /** the side that the conversation takes */
  readonly speaks: 'C' | 'S'
  readonly conversation: () => Conversation<Result>
  /** ends with the byte that ends the conversation: not one sooner, not one later */
  readonly wire: string
  /** how it ends: with this result as `plain` shows it (null for none), or with this fault */
  readonly returns?: unknown
  readonly throws?: Code
}

interface Line {
  readonly side: 'C' | 'S'
  readonly bytes: Uint8Array
}

/** What came of one way of feeding. */
interface Account {
  readonly said: readonly string[]
  readonly end: { readonly returned: unknown } | { readonly threw: string } | 'waits for more'
  /** undefined after a fault, where nobody reads on */
  readonly unread: string | undefined
}

export interface Disagreement {
  readonly way: string
  readonly wanted: unknown
  readonly got: unknown
}

/** Looks like the start of a second handshake, so that one that reads too far trips over it. */
const EARLY = Uint8Array.of(0x05, 0x01, 0x00, 0x1a, 0x01, 0x00, 0xff)

/** One test: this scene plays alike whole, byte by byte, split anywhere, and with early data behind it. */
export function transcript<Result>(t: Test, promise: string, scene: Scene<Result>): void {
  t.test(promise, async (t) => t.same(disagreements(scene), []))
}

/** Every way of feeding that does not give what the transcript says; the first of each kind. */
export function disagreements<Result>(scene: Scene<Result>): Disagreement[] {
  const lines = readTranscript(scene.wire)
  const heard = lines.filter(({ side }) => side !== scene.speaks).map(({ bytes }) => bytes)
  const wanted = expected(scene, lines, new Uint8Array(0))
  const wantedWithEarly = expected(scene, lines, EARLY)
  const whole = concat(...heard)
  const behind = concat(whole, EARLY)
  return [
    ...inTurns(scene, lines),
    ...waitsForTheLastByte(scene, whole),
    ...differing(scene, wanted, {
      'line by line': [heard],
      'all at once': [[whole]],
      'byte by byte': [bytewise(whole)],
      split: splits(whole),
    }),
    ...differing(scene, wantedWithEarly, {
      'with early data behind, all at once': [[behind]],
      'with early data behind, byte by byte': [bytewise(behind)],
      'with early data behind, split': splits(behind),
      'with early data behind, in three': thirds(behind),
    }),
  ]
}

/** The lines of a transcript: hex bytes, quoted text (JSON, sent as UTF-8), comments from `#` on. */
export function readTranscript(text: string): Line[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map(readLine)
}

function readLine(line: string): Line {
  const [, side, rest = ''] = /^([CS])\s+(.*)$/.exec(line) ?? []
  if (side !== 'C' && side !== 'S') throw new SyntaxError(`neither C nor S: ${line}`)
  const tokens = rest.match(/"(?:[^"\\]|\\.)*"|#.*$|\S+/g) ?? []
  const pieces = tokens.filter((token) => !token.startsWith('#')).map(readToken)
  return { side, bytes: concat(...pieces) }
}

function readToken(token: string): Uint8Array {
  if (token.startsWith('"')) return bytesOf(JSON.parse(token) as string)
  if (/^[0-9a-fA-F]{2}$/.test(token)) return Uint8Array.fromHex(token)
  throw new SyntaxError(`neither a byte nor a text: ${token}`)
}

function expected<Result>(
  { speaks, returns, throws }: Scene<Result>,
  lines: readonly Line[],
  early: Uint8Array,
): Account {
  const said = lines.filter(({ side }) => side === speaks).map(({ bytes }) => bytes.toHex())
  if (throws !== undefined) return { said, end: { threw: throws }, unread: undefined }
  if (returns === undefined) throw new SyntaxError('a scene ends: it returns or throws')
  return { said, end: { returned: returns }, unread: early.toHex() }
}

/** A conversation speaks when it is its turn: after the line before, and with one write a line. */
function inTurns<Result>(scene: Scene<Result>, lines: readonly Line[]): Disagreement[] {
  const said: string[] = []
  try {
    const dialogue = new Dialogue(scene.conversation(), (bytes) => said.push(bytes.toHex()))
    const wanted: string[] = []
    for (const [at, { side, bytes }] of lines.entries()) {
      if (side === scene.speaks) {
        wanted.push(bytes.toHex())
        if (lines[at + 1]?.side === scene.speaks) continue
        if (!isDeepStrictEqual(said, wanted)) {
          return [{ way: `in turns, at line ${at + 1}`, wanted, got: said }]
        }
      } else if (said.length > wanted.length) {
        return [{ way: `in turns, before line ${at + 1}`, wanted, got: said }]
      } else feed(dialogue, bytes)
    }
  } catch (caught) {
    if (!isFault(caught)) throw caught // whether it is the right one, the other ways tell
  }
  return []
}

/** A handshake ends with its last byte, not before: what is cut off there must not pass for whole. */
function waitsForTheLastByte<Result>(scene: Scene<Result>, whole: Uint8Array): Disagreement[] {
  for (let length = 0; length < whole.length; length++) {
    const { end } = play(scene, [whole.subarray(0, length)])
    const way = `only the first ${length} of ${whole.length} bytes`
    if (end !== 'waits for more') return [{ way, wanted: 'waits for more', got: end }]
  }
  return []
}

function differing<Result>(
  scene: Scene<Result>,
  wanted: Account,
  kinds: Record<string, Iterable<readonly Uint8Array[]>>,
): Disagreement[] {
  const found: Disagreement[] = []
  for (const [kind, ways] of Object.entries(kinds)) {
    for (const pieces of ways) {
      const got = play(scene, pieces)
      if (isDeepStrictEqual(got, wanted)) continue
      found.push({ way: `${kind}: ${pieces.map(({ length }) => length).join('+')}`, wanted, got })
      break
    }
  }
  return found
}

function play<Result>(scene: Scene<Result>, pieces: readonly Uint8Array[]): Account {
  const said: string[] = []
  try {
    const dialogue = new Dialogue(scene.conversation(), (bytes) => said.push(bytes.toHex()))
    for (const piece of pieces) feed(dialogue, piece)
    const { outcome } = dialogue
    const unread = dialogue.unread.toHex()
    if (outcome === undefined) return { said, end: 'waits for more', unread }
    return { said, end: { returned: plain(outcome.result) }, unread }
  } catch (caught) {
    if (!isFault(caught)) throw caught
    return { said, end: { threw: caught.code }, unread: undefined }
  }
}

/** Feeds as a socket with a static read buffer does: what was fed is overwritten right after. */
function feed(dialogue: Dialogue<unknown>, bytes: Uint8Array): void {
  const readBuffer = bytes.slice()
  try {
    dialogue.feed(readBuffer)
  } finally {
    readBuffer.fill(0xee)
  }
}

function bytewise(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte))
}

function* splits(bytes: Uint8Array): Iterable<Uint8Array[]> {
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)]
}

/** Three pieces: the middle one of every length, from a few places. */
function* thirds(bytes: Uint8Array): Iterable<Uint8Array[]> {
  const stride = Math.max(1, Math.floor(bytes.length / 8))
  for (let a = 1; a < bytes.length; a += stride) {
    for (let b = a + 1; b < bytes.length; b++) {
      yield [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)]
    }
  }
}

/** A result as data that compares: bytes as hex, secrets revealed, nothing as null. */
export function plain(value: unknown): unknown {
  if (value === undefined) return null
  if (value instanceof Uint8Array) return value.toHex()
  if (typeof value !== 'object' || value === null) return value
  if ('reveal' in value && typeof value.reveal === 'function') return value.reveal() as unknown
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]))
}
