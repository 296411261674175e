import { fault } from '@doublehop/errors/fault'
import t from 'tap'
import { type Conversation, say, take, takeByte } from '../src/conversation.ts'
import { disagreements, plain, readTranscript, type Scene, transcript } from './transcript.ts'

/** A toy: a length, so many bytes, and each is acknowledged. */
function* toy(): Conversation<string> {
  const length = yield* takeByte()
  yield* say(Uint8Array.of(0x10, length))
  const body = yield* take(length)
  yield* say(Uint8Array.of(0x11))
  return body.toHex()
}

const scene: Scene<string> = {
  speaks: 'S',
  conversation: toy,
  wire: `
    C 02          # two bytes follow
    S 10 02
    C aa bb
    S 11
  `,
  returns: 'aabb',
}

transcript(t, 'a conversation that keeps to its transcript agrees with it', scene)

t.test('a line is bytes, quoted text and a comment', async (t) => {
  t.same(readTranscript('# nothing\n  C 05 "a;\\u0000é" fF # 07\n\nS "#"').map(plain), [
    { side: 'C', bytes: '05613b00c3a9ff' },
    { side: 'S', bytes: '23' },
  ])
  for (const bad of ['X 00', 'C', 'C 0', 'C 000', 'C "a', '00']) {
    t.throws(() => readTranscript(bad), { name: /SyntaxError/ }, bad)
  }
})

t.test('a result is shown with its secrets and its bytes', async (t) => {
  const shown = plain({ a: Uint8Array.of(1, 2), b: { reveal: () => 'secret' }, c: { d: 5 } })
  t.same(shown, { a: '0102', b: 'secret', c: { d: 5 } })
  t.equal(plain(undefined), null)
})

t.test('every fault that a conversation may have is found', async (t) => {
  const ways = (change: Partial<Scene<string>>) =>
    disagreements({ ...scene, ...change }).map(({ way }) => way)

  t.not(ways({ returns: 'aabc' }).length, 0, 'another result')
  t.not(ways({ wire: 'C 02\nS 10 02\nC aa bb\nS 12' }).length, 0, 'other bytes said')
  t.match(ways({ wire: 'C 02\nC aa bb\nS 10 02\nS 11' }), [/in turns/], 'said too soon')
  t.match(ways({ wire: 'C 02\nS 10 02 11\nC aa bb' }), [/in turns/], 'said in two writes')
  t.match(ways({ wire: 'C 02\nS 10 02\nC aa bb cc\nS 11' }), [/first 3 of 4/], 'ends too soon')
  t.match(ways({ wire: 'C 02\nS 10 02\nC aa' }), [/line by line/], 'ends too late')

  function* greedy(): Conversation<string> {
    const result = yield* toy()
    yield* take(1)
    return result
  }
  t.match(ways({ conversation: greedy }), [/line by line/], 'takes early data')

  function* refuses(): Conversation<string> {
    const length = yield* takeByte()
    yield* say(Uint8Array.of(0x10, length))
    throw fault('DH_ICA_GREETING', {})
  }
  t.not(ways({ conversation: refuses }).length, 0, 'a fault instead of a result')
  const refused = { conversation: refuses, wire: 'C 02\nS 10 02', returns: undefined }
  t.same(ways({ ...refused, throws: 'DH_ICA_GREETING' }), [])
  t.not(ways({ ...refused, throws: 'DH_SOCKS_FORM' }).length, 0, 'another fault')
})
