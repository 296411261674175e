import assert from 'node:assert/strict'
import { fault } from '@doublehop/errors/fault'
import fc from 'fast-check'
import t from 'tap'
import { type Conversation, concat, Dialogue, say, take, takeByte } from '../src/conversation.ts'
import { holds } from './property.ts'
import { transcript } from './transcript.ts'

const nothing = () => {}

function* takeThree(): Conversation<string> {
  return (yield* take(3)).toHex()
}

t.test('a conversation waits for exactly the bytes it asks for', async (t) => {
  const dialogue = new Dialogue(takeThree(), nothing)
  dialogue.feed(Uint8Array.of(1, 2))
  t.equal(dialogue.outcome, undefined)
  t.equal(dialogue.unread.toHex(), '0102')
  dialogue.feed(Uint8Array.of(3, 4))
  t.same(dialogue.outcome, { result: '010203' })
  t.equal(dialogue.unread.toHex(), '04')
})

t.test('what arrives after the end stays unread, in order', async (t) => {
  const dialogue = new Dialogue(takeThree(), nothing)
  dialogue.feed(Uint8Array.of(1, 2, 3, 4))
  dialogue.feed(Uint8Array.of(5))
  dialogue.feed(new Uint8Array(0))
  dialogue.feed(Uint8Array.of(6, 7))
  t.same(dialogue.outcome, { result: '010203' })
  t.equal(dialogue.unread.toHex(), '04050607')
})

t.test('what is said in a row leaves in a row, one write each', async (t) => {
  const writes: string[] = []
  function* chatty(): Conversation<void> {
    yield* say(Uint8Array.of(1))
    yield* say(Uint8Array.of(2, 3))
    yield* take(1)
    yield* say(Uint8Array.of(4))
    yield* say(Uint8Array.of(5))
  }
  const dialogue = new Dialogue(chatty(), (bytes) => writes.push(bytes.toHex()))
  t.same(writes, ['01', '0203'])
  dialogue.feed(Uint8Array.of(0))
  t.same(writes, ['01', '0203', '04', '05'])
  t.same(dialogue.outcome, { result: undefined }, 'an end without a result is an end')
})

t.test('a conversation that asks for nothing has ended before the first byte', async (t) => {
  function* silent(): Conversation<string> {
    return (yield* take(0)).toHex()
  }
  const dialogue = new Dialogue(silent(), nothing)
  t.same(dialogue.outcome, { result: '' })
  t.equal(dialogue.unread.length, 0)
})

function* refuseTwo(): Conversation<string> {
  const byte = yield* takeByte()
  if (byte === 2) throw fault('DH_ICA_GREETING', {})
  return 'welcome'
}

t.test('a conversation that has failed stays failed, whatever comes then', async (t) => {
  const dialogue = new Dialogue(refuseTwo(), nothing)
  t.throws(() => dialogue.feed(Uint8Array.of(2, 1)), { code: 'DH_ICA_GREETING' })
  t.equal(dialogue.outcome, undefined)
  t.throws(() => dialogue.feed(Uint8Array.of(1)), { code: 'DH_ICA_GREETING' })
  t.throws(() => dialogue.feed(new Uint8Array(0)), { code: 'DH_ICA_GREETING' })
  t.equal(dialogue.outcome, undefined, 'a failure never turns into an end')
})

t.test('a failure to send ends the conversation too', async (t) => {
  function* answer(): Conversation<string> {
    yield* take(1)
    yield* say(Uint8Array.of(1))
    return 'welcome'
  }
  const dialogue = new Dialogue(answer(), () => {
    throw new Error('broken pipe')
  })
  t.throws(() => dialogue.feed(Uint8Array.of(0)), { message: 'broken pipe' })
  t.throws(() => dialogue.feed(Uint8Array.of(0)), { message: 'broken pipe' })
  t.equal(dialogue.outcome, undefined)
})

t.test('whoever feeds may read into the same buffer again', async (t) => {
  const readBuffer = Uint8Array.of(1, 2)
  const dialogue = new Dialogue(takeThree(), nothing)
  dialogue.feed(readBuffer)
  readBuffer.set([3, 4])
  dialogue.feed(readBuffer)
  readBuffer.fill(0xee)
  t.same(dialogue.outcome, { result: '010203' })
  t.equal(dialogue.unread.toHex(), '04', 'early data is not overwritten either')
})

transcript(t, 'lengths that a conversation reads choose what it reads next', {
  speaks: 'S',
  *conversation() {
    const first = yield* take(yield* takeByte())
    const second = yield* take(yield* takeByte())
    return [first.toHex(), second.toHex()].join(' ')
  },
  wire: 'C 02 aa bb 00',
  returns: 'aabb ',
})

const bytes = fc.uint8Array({ maxLength: 64 })

holds<[Uint8Array[]]>(t, 'pieces that are joined are what was cut', [fc.array(bytes)], (pieces) =>
  assert.equal(concat(...pieces).toHex(), Buffer.concat(pieces).toString('hex')),
)

holds<[Uint8Array[], number[]]>(
  t,
  'however bytes arrive, they are taken in order and none is lost',
  [fc.array(bytes, { maxLength: 8 }), fc.array(fc.nat({ max: 40 }), { maxLength: 8 })],
  (pieces, wanted) => {
    const taken: string[] = []
    function* taker(): Conversation<void> {
      for (const count of wanted) taken.push((yield* take(count)).toHex())
    }
    const dialogue = new Dialogue(taker(), nothing)
    for (const piece of pieces) dialogue.feed(piece)
    const whole = Buffer.concat(pieces).toString('hex')
    assert.equal(taken.join('') + dialogue.unread.toHex(), whole)
    assert.equal(dialogue.outcome !== undefined, taken.length === wanted.length)
  },
)

t.test('what was taken or read stays as it was, whatever comes behind it', async (t) => {
  const taken: Uint8Array[] = []
  function* threes(): Conversation<never> {
    for (;;) taken.push(yield* take(3))
  }
  const dialogue = new Dialogue(threes(), nothing)
  const seen: Uint8Array[] = []
  for (let byte = 0; byte < 60; byte++) {
    dialogue.feed(Uint8Array.of(byte))
    seen.push(dialogue.unread)
  }
  const bytes = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)
  t.same(
    taken.map((piece) => [...piece]),
    Array.from({ length: 20 }, (_, n) => bytes(3 * n, 3 * n + 3)),
  )
  t.same(
    seen.map((view) => [...view]),
    Array.from({ length: 60 }, (_, n) => bytes(n - (n % 3), n % 3 === 2 ? n - 2 : n + 1)),
  )
})
