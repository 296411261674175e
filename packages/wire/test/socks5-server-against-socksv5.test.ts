import { isDeepStrictEqual } from 'node:util'
import { isFault } from '@doublehop/errors/fault'
import fc from 'fast-check'
import t from 'tap'
import { Dialogue } from '../src/conversation.ts'
import { acceptSocks, type Credentials } from '../src/socks5-server.ts'
import {
  type Input,
  isAccepted,
  type Verdict,
  verdictOfSocksv5,
  WRONG_PASSWORD,
} from './socksv5.ts'
import { DIFFERENCES, takeApart } from './socksv5-differences.ts'

/**
 * Our server held against another one on 100,000 conversations: good ones, cut ones, damaged ones, with data
 * right behind. Wherever the two differ, the reason stands in `DIFFERENCES`.
 */

function verdictOfOurs({ methods, pieces }: Input): Verdict {
  let said = ''
  try {
    const policy = { methods, verify }
    const dialogue = new Dialogue(acceptSocks(policy), (bytes) => {
      said += bytes.toHex()
    })
    for (const piece of pieces) dialogue.feed(piece)
    if (dialogue.outcome === undefined) return { kind: 'waiting', said }
    const { destination, credentials } = dialogue.outcome.result
    const login = credentials && `${credentials.username}:${credentials.password}`
    const early = dialogue.unread.toHex()
    return { kind: 'accepted', host: destination.host, port: destination.port, login, said, early }
  } catch (caught) {
    if (!isFault(caught)) throw caught
    return { kind: 'refused' }
  }
}

const verify = ({ password }: Credentials) => isAccepted(password)

const byte = fc.nat({ max: 255 })
const withLength = (bytes: Uint8Array) => [bytes.length, ...bytes]
const text = (...texts: string[]) => fc.constantFrom(...texts).map((one) => Buffer.from(one))

const greeting = fc
  .oneof(
    { arbitrary: fc.constantFrom([0], [2], [0, 2], [2, 0, 1]), weight: 8 },
    { arbitrary: fc.array(byte, { maxLength: 4 }), weight: 1 },
  )
  .map((methods) => [5, methods.length, ...methods])

const word = fc.oneof(
  { arbitrary: text('u', 'alice', '0123456789abcdef', 'grüße'), weight: 12 },
  { arbitrary: text('', '\ufeffx', '\u0000', WRONG_PASSWORD), weight: 1 },
  { arbitrary: fc.uint8Array({ maxLength: 4 }), weight: 1 },
)
const login = fc
  .tuple(word, word)
  .map(([user, word]) => [1, ...withLength(user), ...withLength(word)])

const address = fc.oneof(
  { arbitrary: fc.uint8Array({ minLength: 4, maxLength: 4 }).map((ip) => [1, ...ip]), weight: 3 },
  {
    arbitrary: text('sta', ';40;STA1;0123', 'a.example', 'a b', '10.0.0.1').map((name) => [
      3,
      ...withLength(name),
    ]),
    weight: 3,
  },
  { arbitrary: text('', 'a\0b', 'zürich').map((name) => [3, ...withLength(name)]), weight: 1 },
  { arbitrary: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((ip) => [4, ...ip]), weight: 2 },
)
const request = fc
  .tuple(
    fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 2, 3, 9),
    fc.constantFrom(0, 0, 7),
    address,
    byte,
    byte,
  )
  .map(([command, reserved, where, ...port]) => [5, command, reserved, ...where, ...port])

const policy = fc.constantFrom<Input['methods']>(
  ['none'],
  ['password'],
  ['none', 'password'],
  ['password', 'none'],
)

const input: fc.Arbitrary<Input> = fc
  .record({
    methods: policy,
    greeting,
    login,
    request,
    early: fc.constantFrom([], [], [0x16], [5, 1, 0, 1, 0, 0, 0]),
    damage: fc.constantFrom('none', 'none', 'cut', 'changed', 'inserted'),
    at: fc.nat({ max: 1000 }),
    byte,
    cuts: fc.array(fc.nat({ max: 1000 }), { maxLength: 2 }),
  })
  .map(({ methods, greeting, login, request, early, damage, at, byte, cuts }) => {
    const wantsLogin = methods.find((name) => greeting.includes(name === 'none' ? 0 : 2, 2))
    const bytes = [...greeting, ...(wantsLogin === 'password' ? login : []), ...request, ...early]
    const place = at % bytes.length
    if (damage === 'cut') bytes.length = place
    if (damage === 'changed') bytes[place] = byte
    if (damage === 'inserted') bytes.splice(place, 0, byte)
    const ends = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b)
    const pieces = [...ends, bytes.length].map((end, i) =>
      Uint8Array.from(bytes.slice(ends[i - 1] ?? 0, end)),
    )
    return { methods, pieces }
  })

const RUNS = 100_000
const seen = { differences: new Map<string, number>(), kinds: new Map<string, number>() }
const count = (tally: Map<string, number>, name: string) =>
  tally.set(name, (tally.get(name) ?? 0) + 1)

t.test(`${RUNS} conversations: every difference from socksv5 is a known one`, async (t) => {
  const claim = (input: Input) => {
    const [mine, other, parts] = [verdictOfOurs(input), verdictOfSocksv5(input), takeApart(input)]
    const known = DIFFERENCES.find(({ applies }) => applies(parts))
    count(seen.kinds, mine.kind)
    if (known === undefined) return isDeepStrictEqual(mine, other)
    if (!isDeepStrictEqual(mine, other)) count(seen.differences, known.name)
    if (mine.kind !== known.ours) return false
    if (known.theirs === 'anything') return true
    if (mine.kind !== 'accepted' || known.asTheirs === undefined) return other.kind === known.theirs
    return isDeepStrictEqual({ ...mine, host: known.asTheirs(mine.host, parts) }, other)
  }
  fc.assert(fc.property(input, claim), { seed: 0x2026, numRuns: RUNS })
  for (const kind of ['accepted', 'refused', 'waiting']) {
    t.ok((seen.kinds.get(kind) ?? 0) > RUNS / 10, `many are ${kind}: ${seen.kinds.get(kind)}`)
  }
})

t.test('every known difference has occurred, so the list is true', async (t) => {
  for (const { name, why } of DIFFERENCES) {
    const times = seen.differences.get(name) ?? 0
    t.ok(times > 0, `${name}: ${times} times (${why})`)
  }
})
