import { type ConversationLimits, converse } from '@doublehop/daemon/conversation'
import type { Leg } from '@doublehop/daemon/leg'
import { fault } from '@doublehop/errors/fault'
import { type Conversation, say, take, takeByte } from '@doublehop/wire/conversation'
import { bytesOf } from '@doublehop/wire/text'
import t from 'tap'
import { WIRES } from '../../../test/kit/certificates.ts'
import { acceptedLeg } from '../../../test/kit/legs.ts'
import { until } from '../../../test/kit/wait.ts'

/** Is told a length and so many bytes, and answers the length. */
function* echoLength(): Conversation<string> {
  const length = yield* takeByte()
  const text = yield* take(length)
  yield* say(Uint8Array.of(length))
  return Buffer.from(text).toString()
}

function talk(leg: Leg, more: Partial<ConversationLimits> = {}): Promise<string> {
  return converse(leg, echoLength(), { what: 'the talk', milliseconds: 5000, ...more })
}

for (const wire of WIRES) {
  t.test(`over ${wire}`, async (t) => {
    t.test(
      'one write or byte by byte, it comes to the same, and what follows stays unread',
      async (t) => {
        const said = bytesOf('\x05helloand more')
        for (const size of [said.length, 1]) {
          const { leg, end } = await acceptedLeg(t, wire)
          const heard = talk(leg)
          for (let at = 0; at < said.length; at += size) {
            end.say(said.subarray(at, at + size))
            await until(
              () => leg.received,
              (count) => count === Math.min(at + size, said.length),
            )
          }
          t.equal(await heard, 'hello')
          t.same(await end.read(1), [5])
          t.equal(Buffer.from(leg.takeUnread()).toString(), 'and more')
        }
      },
    )

    t.test('what came before it began is part of it', async (t) => {
      const { leg, end } = await acceptedLeg(t, wire)
      end.say('\x05hel')
      await until(() => leg.received, Boolean)
      const heard = talk(leg)
      end.say('lo\x02hi')
      t.equal(await heard, 'hello')
      t.equal(await talk(leg), 'hi', 'and the next one goes on where it ended')
    })

    t.test(
      'the end of the peer’s half behind it is no failure, and is told to who comes next',
      async (t) => {
        const { leg, end } = await acceptedLeg(t, wire)
        end.finish('\x05hello')
        t.equal(await talk(leg), 'hello')
        await t.rejects(talk(leg), { code: 'DH_PEER_CLOSED', details: { what: 'the talk' } })
      },
    )

    t.test('an end in the middle fails it', async (t) => {
      const { leg, end } = await acceptedLeg(t, wire)
      const heard = talk(leg)
      end.finish('\x05hel')
      await t.rejects(heard, { code: 'DH_PEER_CLOSED' })
      t.equal(Buffer.from(leg.takeUnread()).toString(), 'hel', 'what it did not take is there')
    })

    t.test('a reset in the middle fails it', async (t) => {
      const { leg, end } = await acceptedLeg(t, wire)
      const heard = talk(leg)
      end.say('\x05hel')
      await until(() => leg.received, Boolean)
      end.reset()
      await t.rejects(heard, { code: 'DH_PEER_RESET', cause: { code: 'ECONNRESET' } })
      t.equal(Buffer.from(leg.takeUnread()).toString(), 'hel', 'once, though end and close came')
    })

    t.test('one that begins on a broken connection fails at once', async (t) => {
      const { leg, end } = await acceptedLeg(t, wire)
      end.say('\x05')
      await until(() => leg.received, Boolean)
      end.reset()
      await until(() => leg.gone.aborted, Boolean)
      await t.rejects(talk(leg), { code: 'DH_PEER_RESET' })
    })

    t.test('who says too much before it is done is refused', async (t) => {
      const { leg, end } = await acceptedLeg(t, wire)
      const heard = talk(leg, { bytes: 10 })
      end.say('\xff'.padEnd(12, 'x'))
      await t.rejects(heard, {
        code: 'DH_HANDSHAKE_LENGTH',
        details: { what: 'the talk', limit: 10 },
      })
    })

    t.test('who has said as much as is allowed may wait for the rest', async (t) => {
      const { leg, end } = await acceptedLeg(t, wire)
      const heard = talk(leg, { bytes: 3 })
      end.say('\x05he')
      await until(
        () => leg.received,
        (count) => count === 3,
      )
      end.say('llo')
      t.equal(await heard, 'hello')
    })

    t.test('early data is not too much', async (t) => {
      const { leg, end } = await acceptedLeg(t, wire)
      const heard = talk(leg, { bytes: 6 })
      end.say(`\x05hello${'x'.repeat(10_000)}`)
      t.equal(await heard, 'hello')
    })
  })
}

t.test('a silent peer meets the deadline', async (t) => {
  const { leg } = await acceptedLeg(t, 'TLSv1.3')
  await t.rejects(talk(leg, { milliseconds: 50 }), {
    code: 'DH_HANDSHAKE_DEADLINE',
    details: { what: 'the talk', seconds: 0.05 },
  })
})

t.test('a dripping peer meets the same deadline: it is no idle timer', async (t) => {
  const { leg, end } = await acceptedLeg(t, 'TLSv1.3')
  const drip = setInterval(() => end.say('\xff'), 20)
  t.teardown(() => clearInterval(drip))
  const began = performance.now()
  await t.rejects(talk(leg, { milliseconds: 300 }), { code: 'DH_HANDSHAKE_DEADLINE' })
  const took = performance.now() - began
  t.ok(took >= 299 && took < 2000, `${took} ms`)
  t.ok(leg.received > 3, `${leg.received} bytes had come`)
})

t.test('a deadline may have begun earlier', async (t) => {
  const { leg } = await acceptedLeg(t, 'plain TCP')
  const began = performance.now()
  const since = began - 60_000
  await t.rejects(talk(leg, { milliseconds: 60_050, since }), { code: 'DH_HANDSHAKE_DEADLINE' })
  t.ok(performance.now() - began < 2000)
  await t.rejects(
    talk(leg, { milliseconds: 100, since }),
    { code: 'DH_HANDSHAKE_DEADLINE' },
    'or be over',
  )
})

t.test('a signal ends it with its own reason', async (t) => {
  const { leg, end } = await acceptedLeg(t, 'TLSv1.3')
  const reason = fault('DH_CLIENT_GONE', { step: '5 connect' })
  const controller = new AbortController()
  const heard = talk(leg, { signal: controller.signal })
  end.say('\x05he')
  await until(() => leg.received, Boolean)
  controller.abort(reason)
  t.equal(await heard.catch((error) => error), reason)
  t.equal(Buffer.from(leg.takeUnread()).toString(), 'he', 'what came stays')
  t.equal(
    await talk(leg, { signal: controller.signal }).catch((error) => error),
    reason,
    'also one long since aborted',
  )
})

t.test('a conversation that asks nothing of the peer is over at once', async (t) => {
  const { leg, end } = await acceptedLeg(t, 'plain TCP')
  function* bye(): Conversation<number> {
    yield* say(bytesOf('bye'))
    return 1
  }
  t.equal(await converse(leg, bye(), { what: 'a farewell', milliseconds: 100 }), 1)
  t.equal((await end.read(3)).toString(), 'bye')
})

t.test('what a conversation throws comes out, whenever it throws', async (t) => {
  const { leg, end } = await acceptedLeg(t, 'plain TCP')
  function* sulk(mood: string): Conversation<void> {
    if (mood === 'bad') throw fault('DH_SOCKS_FORM', { why: 'a sulk' })
    yield* takeByte()
  }
  const limits = { what: 'a quarrel', milliseconds: 1000 }
  await t.rejects(converse(leg, sulk('bad'), limits), { code: 'DH_SOCKS_FORM' })
  function* quarrel(): Conversation<void> {
    yield* takeByte()
    throw fault('DH_ICA_GREETING', {})
  }
  end.say('xyz')
  await t.rejects(converse(leg, quarrel(), limits), { code: 'DH_ICA_GREETING' })
  t.equal(Buffer.from(leg.takeUnread()).toString(), 'yz')
})

t.test('a conversation that is over leaves no timer and no listener behind', async (t) => {
  const { leg, end } = await acceptedLeg(t, 'plain TCP')
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const controller = new AbortController()
  const heard = talk(leg, { milliseconds: 100_000, signal: controller.signal })
  end.say('\x05hello')
  t.equal(await heard, 'hello')
  t.equal(timers(), before)
  const next = talk(leg)
  controller.abort(new Error('too late'))
  end.say('\x02hi')
  t.equal(await next, 'hi', 'a signal that comes late does not disturb who talks then')
})
