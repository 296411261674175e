import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { Leg } from '@doublehop/daemon/leg'
import { isFault } from '@doublehop/errors/fault'
import { withoutCgpFlight } from '@doublehop/vda/cgp-flight'
import { acceptCgp, encodeCgpFlight } from '@doublehop/wire/cgp'
import { type Conversation, concat, Dialogue, takeByte } from '@doublehop/wire/conversation'
import { protocolOf } from '@doublehop/wire/first-byte'
import { answerIcaGreeting, ICA_GREETING } from '@doublehop/wire/ica-greeting'
import { acceptProxyHeader, encodeProxyHeader } from '@doublehop/wire/proxy-protocol'
import { connectSocks, greetSocks, requestSocks } from '@doublehop/wire/socks5-client'
import { encodeAddress, encodeReply } from '@doublehop/wire/socks5-messages'
import { acceptSocks } from '@doublehop/wire/socks5-server'
import { bytesOf } from '@doublehop/wire/text'
import { parseTicket } from '@doublehop/wire/ticket'
import type { Dice } from './dice.ts'
import type { Parser, Verdict } from './parser.ts'
import { TICKET_42, TICKETS } from './samples.ts'

/** What came of one way of feeding. */
interface Account {
  readonly said: readonly string[]
  readonly verdict: Verdict
  readonly end: string
}

const HEX = (digits: string): Uint8Array => Uint8Array.fromHex(digits)
const LOGIN = concat(
  Uint8Array.of(1, 32),
  bytesOf('0123456789abcdef'.repeat(2)),
  Uint8Array.of(120),
  bytesOf('A'.repeat(120)),
)
const connectTo = (host: string, port: number): Uint8Array =>
  concat(HEX('050100'), encodeAddress({ host, port }))
const CONNECTS = ['10.0.0.5', '2001:db8::5', 'vda.internal', TICKET_42].map((host) =>
  connectTo(host, 2598),
)
const REPLIES = ['0.0.0.0', '::1', 'bound.internal'].map((host) =>
  encodeReply(0, { host, port: 1080 }),
)
const REFUSALS = ([1, 2, 3, 4, 5, 7, 8] as const).map((reply) => encodeReply(reply))
const CREDENTIALS = { username: '0123456789abcdef'.repeat(2), password: 'A'.repeat(120) }
const DESTINATION = { host: TICKET_42, port: 2598 }

/** Every conversation of ours, each fed in one piece and in random ones: both must come to the same. */
export const conversations: readonly Parser[] = [
  conversation('SOCKS server without login', 2.5, () => acceptSocks({ methods: ['none'] }), [
    ...CONNECTS.map((request) => concat(HEX('050100'), request)),
    concat(HEX('05020002'), ...CONNECTS.slice(0, 1)),
  ]),
  conversation('SOCKS server with login', 2.5, () => acceptSocks({ methods: ['password'] }), [
    ...CONNECTS.map((request) => concat(HEX('050102'), LOGIN, request)),
    concat(HEX('05020002'), HEX('01012d012d'), ...CONNECTS.slice(0, 1)),
  ]),
  conversation(
    'SOCKS server with users',
    1,
    () => {
      const verify = ({ username }: { username: string }): boolean => username.length === 1
      return acceptSocks({ methods: ['password', 'none'], verify })
    },
    [concat(HEX('050102'), HEX('01012d012d'), ...CONNECTS.slice(0, 1))],
  ),
  conversation('SOCKS client', 2, () => requestSocks(DESTINATION), [
    ...[...REPLIES, ...REFUSALS].map((reply) => concat(HEX('0500'), reply)),
  ]),
  conversation('SOCKS client with login', 2, () => requestSocks(DESTINATION, CREDENTIALS), [
    ...[...REPLIES, ...REFUSALS].map((reply) => concat(HEX('05020100'), reply)),
  ]),
  conversation('greeting of a SOCKS server', 0.5, () => greetSocks('password'), [
    HEX('0502'),
    HEX('05ff'),
  ]),
  conversation('reply of a SOCKS server', 1, () => connectSocks(DESTINATION), [
    ...REPLIES,
    ...REFUSALS,
  ]),
  conversation('CGP flight', 2.5, acceptCgp, [
    ...TICKETS.map((ticket) => encodeCgpFlight(parseTicket(ticket))),
    ...TICKETS.map((ticket) =>
      concat(HEX('1a4347502f3031'), HEX('00ff3b'.repeat(90)), bytesOf(`${ticket}\n`)),
    ),
  ]),
  conversation('PROXY v2 header', 2.5, acceptProxyHeader, [
    encodeProxyHeader({ host: '192.0.2.7', port: 50_000 }, { host: '192.0.2.1', port: 443 }),
    encodeProxyHeader({ host: '2001:db8::7', port: 1 }, { host: '2001:db8::1', port: 443 }),
    concat(HEX('0d0a0d0a000d0a515549540a'), HEX('20000000')),
    concat(HEX('0d0a0d0a000d0a515549540a'), HEX('2131 00d8'.replace(' ', '')), new Uint8Array(216)),
  ]),
  conversation('ICA greeting', 0.5, answerIcaGreeting, [ICA_GREETING]),
  conversation('first byte', 0.5, firstByte, [HEX('05'), HEX('1a'), HEX('47'), HEX('16')]),
  {
    name: 'CGP flight at a server',
    corpus: TICKETS.map((ticket) => concat(encodeCgpFlight(parseTicket(ticket)), bytesOf('data'))),
    longest: 5000,
    share: 1,
    judge: sameInPieces(stripFlight),
  },
]

function* firstByte(): Conversation<string> {
  return protocolOf(yield* takeByte())
}

function conversation(
  name: string,
  share: number,
  begin: () => Conversation<unknown>,
  corpus: readonly Uint8Array[],
): Parser {
  const judge = sameInPieces((pieces) => hold(begin, pieces))
  return { name, share, corpus, longest: 4200, judge }
}

function sameInPieces(hear: (pieces: readonly Uint8Array[]) => Account): Parser['judge'] {
  return (input: Uint8Array, dice: Dice) => {
    const whole = hear([input])
    const pieces = dice.cut(input)
    const lengths = pieces.map(({ length }) => length).join('+')
    assert.deepEqual(hear(pieces), whole, `in pieces of ${lengths} it is not the same`)
    return whole.verdict
  }
}

function hold(begin: () => Conversation<unknown>, pieces: readonly Uint8Array[]): Account {
  const said: string[] = []
  try {
    const dialogue = new Dialogue(begin(), (bytes) => said.push(bytes.toHex()))
    for (const piece of pieces) dialogue.feed(piece)
    const { outcome, unread } = dialogue
    const end = `${inspect(outcome?.result)}, unread ${unread.toHex()}`
    return { said, verdict: outcome === undefined ? 'waits' : 'accepted', end }
  } catch (caught) {
    if (!isFault(caught)) throw caught
    return { said, verdict: 'refused', end: `${caught.code}: ${caught.message}` }
  }
}

/** What the application behind a server hears of a session. */
function stripFlight(pieces: readonly Uint8Array[]): Account {
  const heard: Uint8Array[] = []
  let isReset = false
  let speak: (bytes: Uint8Array) => void = () => {}
  const socket = {
    listen: ({ bytes }: { bytes: typeof speak }) => {
      speak = bytes
    },
    reset: () => {
      isReset = true
    },
  }
  const leg = withoutCgpFlight(socket as unknown as Leg)
  leg.listen({ bytes: (bytes) => void heard.push(bytes), end() {}, drain() {}, close() {} })
  for (const piece of pieces) if (!isReset) speak(piece)
  const said = isReset ? [] : [concat(...heard).toHex()]
  return { said, verdict: isReset ? 'refused' : 'accepted', end: '' }
}
