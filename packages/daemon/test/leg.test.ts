import { randomBytes } from 'node:crypto'
import type { Leg, LegListener } from '@doublehop/daemon/leg'
import t from 'tap'
import { WIRES } from '../../../test/kit/certificates.ts'
import type { End } from '../../../test/kit/ends.ts'
import { acceptedLeg, dialledLeg, LEGS } from '../../../test/kit/legs.ts'
import { settled } from '../../../test/kit/settled.ts'
import { until } from '../../../test/kit/wait.ts'

/** Writes down everything a leg reports, in its order. */
class Notes implements LegListener {
  readonly told: string[] = []
  heard: Buffer = Buffer.alloc(0)

  bytes(chunk: Uint8Array): void {
    this.heard = Buffer.concat([this.heard, chunk])
    if (this.told.at(-1) !== 'bytes') this.told.push('bytes')
  }
  end(): void {
    this.told.push('end')
  }
  drain(): void {}
  close(error: NodeJS.ErrnoException | undefined): void {
    this.told.push(`close ${error?.code ?? 'without error'}`)
  }
}

const nothing: LegListener = { bytes() {}, end() {}, drain() {}, close() {} }

for (const wire of WIRES) {
  for (const [kind, open] of Object.entries(LEGS)) {
    t.test(`${kind} leg over ${wire}`, async (t) => {
      t.test('says who is there, and by which TLS', async (t) => {
        const { leg, end } = await open(t, wire)
        t.equal(leg.peer.host, '127.0.0.1')
        t.equal(leg.peer.port, end.raw.localPort)
        t.equal(leg.local.port, end.raw.remotePort)
        t.equal(leg.peer.tls, wire === 'plain TCP' ? undefined : wire)
        t.equal(String(leg), `127.0.0.1:${end.raw.localPort}`)
      })

      t.test('what came before anybody listened comes first, then the end', async (t) => {
        const { leg, end } = await open(t, wire)
        end.say('one ')
        await until(
          () => leg.received,
          (count) => count === 4,
        )
        end.finish('two')
        await until(
          () => leg.received,
          (count) => count === 7,
        )
        const notes = new Notes()
        leg.listen(notes)
        await until(
          () => notes.told,
          (told) => told.includes('end'),
        )
        t.same(notes.told, ['bytes', 'end'])
        t.equal(notes.heard.toString(), 'one two')
        leg.end()
        t.equal(await end.ending(), 'clean')
      })

      t.test(
        'what a listener gives back is heard by the next one, before what follows',
        async (t) => {
          const { leg, end } = await open(t, wire)
          end.say('abc')
          await until(
            () => leg.received,
            (count) => count === 3,
          )
          end.say('def')
          await until(
            () => leg.received,
            (count) => count === 6,
          )
          leg.listen({
            ...nothing,
            bytes(chunk) {
              leg.silence(chunk.subarray(1))
            },
          })
          end.say('ghi')
          await until(
            () => leg.received,
            (count) => count === 9,
          )
          t.equal(Buffer.from(leg.takeUnread()).toString(), 'bcdefghi')
          t.equal(leg.takeUnread().length, 0, 'and is there once')
        },
      )

      t.test('a listener that takes over in the middle gets the rest, in order', async (t) => {
        const { leg, end } = await open(t, wire)
        for (const [at, letter] of ['a', 'b', 'c'].entries()) {
          end.say(letter)
          await until(
            () => leg.received,
            (count) => count === at + 1,
          )
        }
        const notes = new Notes()
        leg.listen({
          ...nothing,
          bytes(chunk) {
            t.equal(Buffer.from(chunk).toString(), 'a')
            leg.listen(notes)
          },
        })
        end.say('d')
        await until(
          () => notes.heard.length,
          (length) => length === 3,
        )
        t.equal(notes.heard.toString(), 'bcd')
      })

      t.test('a listener that leaves at the end is told nothing more', async (t) => {
        const { leg, end } = await open(t, wire)
        end.finish('x')
        leg.end()
        t.equal(await end.ending(), 'clean')
        await until(() => leg.gone.aborted, Boolean)
        const notes = new Notes()
        leg.listen({
          bytes: (chunk) => notes.bytes(chunk),
          end() {
            notes.end()
            leg.silence()
          },
          drain() {},
          close: (error) => notes.close(error),
        })
        t.same(notes.told, ['bytes', 'end'])
      })

      t.test('keeps so much of an unheard peer and lets its kernel hold the rest', async (t) => {
        const keep = 100_000
        const { leg, end } = await open(t, wire, keep)
        const said = randomBytes(30_000_000)
        end.finish(said)
        const held = await settled(() => leg.received)
        t.ok(
          held >= keep && held < keep + 65_536,
          `${held} bytes: the bound and less than one read`,
        )
        t.ok(end.socket.writableLength > 0, 'the peer has bytes it cannot get rid of')
        const notes = new Notes()
        const heard: Uint8Array[] = []
        leg.listen({ ...nothing, bytes: (chunk) => void heard.push(chunk), end: () => notes.end() })
        await until(() => notes.told.length, Boolean, 20_000)
        t.ok(Buffer.concat(heard).equals(said), 'nothing is lost')
      })

      t.test('what was given back counts against the bound too', async (t) => {
        const { leg, end } = await open(t, wire, 1000)
        leg.listen({ ...nothing, bytes: (chunk) => leg.silence(chunk) })
        end.say(randomBytes(20_000_000))
        const held = await settled(() => leg.received)
        t.ok(held > 0 && held <= 65_536, `${held} bytes`)
      })

      t.test('what was heard counts no more', async (t) => {
        const { leg, end } = await open(t, wire, 6)
        for (const [at, said] of ['abcd', 'efgh', 'ijkl'].entries()) {
          end.say(said)
          await until(
            () => leg.received,
            (count) => count === 4 * (at + 1),
          )
          leg.listen(new Notes())
          leg.silence()
        }
      })

      t.test('an RST arrives as ECONNRESET', async (t) => {
        const { leg, end } = await open(t, wire)
        const notes = new Notes()
        leg.listen(notes)
        end.say('last words')
        await until(() => notes.heard.length, Boolean)
        end.reset()
        await until(() => leg.gone.aborted, Boolean)
        t.same(notes.told, ['bytes', 'close ECONNRESET'])
      })

      t.test('one that broke while nobody listened says so to who listens later', async (t) => {
        const { leg, end } = await open(t, wire)
        end.say('last words')
        await until(() => leg.received, Boolean)
        end.reset()
        await until(() => leg.gone.aborted, Boolean)
        const notes = new Notes()
        leg.listen(notes)
        t.same(notes.told, ['bytes', 'close ECONNRESET'])
      })

      t.test('a reset arrives at the peer as ECONNRESET', async (t) => {
        const { leg, end } = await open(t, wire)
        leg.write(Buffer.from('x'))
        await end.read(1)
        leg.reset()
        t.equal(await end.ending(), 'ECONNRESET')
      })

      t.test(
        'a reset behind a FIN that still waits for the peer to read is no clean end',
        async (t) => {
          const { leg, end } = await open(t, wire)
          leg.write(Buffer.from('x'))
          await end.read(1)
          end.socket.pause()
          leg.write(randomBytes(30_000_000))
          leg.end()
          leg.reset()
          await until(() => leg.gone.aborted, Boolean)
          end.socket.resume()
          t.equal(await end.ending(), 'ECONNRESET')
        },
      )

      t.test('a destroyed leg is gone, and its peer sees an end', async (t) => {
        const { leg, end } = await open(t, wire)
        leg.destroy()
        await until(() => leg.gone.aborted, Boolean)
        await end.until(() => end.ended)
        t.notOk(end.error)
      })

      t.test('after its end nothing that is said to it does harm', async (t) => {
        const { leg } = await open(t, wire)
        leg.reset()
        await until(() => leg.gone.aborted, Boolean)
        t.equal(leg.write(Buffer.from('x')), true, 'nobody waits for a drain that cannot come')
        leg.end()
        leg.pause()
        leg.resume()
        leg.endWith(Buffer.from('x'))
        leg.reset()
        leg.destroy()
        t.equal(leg.takeUnread().length, 0)
      })

      t.test('may be ended in any way from within what it reports', async (t) => {
        const ways = [
          (leg: Leg) => leg.reset(),
          (leg: Leg) => leg.destroy(),
          (leg: Leg) => leg.endWith(Buffer.from('x')),
        ]
        for (const way of ways) {
          const { leg, end } = await open(t, wire)
          leg.listen({ ...nothing, bytes: () => way(leg) })
          end.finish('x')
          await until(() => leg.gone.aborted, Boolean)
        }
      })

      t.test('a FIN is no end: the peer may go on, and so may we', async (t) => {
        const { leg, end } = await open(t, wire)
        const notes = new Notes()
        leg.listen(notes)
        end.finish('question')
        await until(
          () => notes.told,
          (told) => told.includes('end'),
        )
        t.notOk(leg.gone.aborted)
        leg.write(Buffer.from('answer'))
        leg.end()
        t.equal((await end.rest()).toString(), 'answer')
        t.equal(await end.ending(), 'clean')
        await until(() => leg.gone.aborted, Boolean)
        t.same(notes.told, ['bytes', 'end', 'close without error'])
        t.same([leg.received, leg.sent], [8, 6])
      })

      t.test('last bytes reach a peer that has ended its half long ago', async (t) => {
        const { leg, end } = await open(t, wire)
        end.finish('no more')
        await until(() => leg.received, Boolean)
        leg.listen(new Notes())
        leg.endWith(Buffer.from('refused'))
        t.equal((await end.rest()).toString(), 'refused')
        t.equal(await end.ending(), 'clean')
      })

      t.test('last bytes reach a peer that does not stop talking', async (t) => {
        const { leg, end } = await open(t, wire)
        const chatter = setInterval(() => end.say(randomBytes(50_000)), 1)
        t.teardown(() => clearInterval(chatter))
        leg.listen(nothing)
        await until(
          () => leg.received,
          (count) => count > 200_000,
        )
        const last = randomBytes(100_000)
        leg.endWith(last, 300)
        await end.until(() => end.ended)
        t.ok(end.heard.equals(last))
        clearInterval(chatter)
        await until(() => leg.gone.aborted, Boolean)
      })

      t.test('a peer that does not take the last bytes is cut', async (t) => {
        const { leg, end } = await open(t, wire)
        end.socket.pause()
        leg.endWith(randomBytes(30_000_000), 100)
        await until(() => leg.gone.aborted, Boolean)
      })

      t.test('holds no more than one bound of a slow reader, and then says so', async (t) => {
        const { leg, end } = await open(t, wire)
        end.socket.pause()
        const piece = randomBytes(65_536)
        let said = 0
        while (leg.write(piece)) said += piece.length
        t.ok(said < 40_000_000, 'it said stop')
        let drained = false
        leg.listen({
          ...nothing,
          drain: () => {
            drained = true
          },
        })
        end.socket.resume()
        await until(() => drained, Boolean)
      })
    })
  }
}

t.test('a peer that sends a record no key fits is told, and gone', async (t) => {
  for (const wire of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const open of [acceptedLeg, dialledLeg]) {
      const { leg, end } = await open(t, wire)
      const notes = new Notes()
      leg.listen(notes)
      end.say('fine')
      await until(() => notes.heard.length, Boolean)
      forge(end)
      await until(() => leg.gone.aborted, Boolean)
      t.match(notes.told, ['bytes', /^close ERR_SSL_/])
      await end.until(() => end.ended || end.closed)
    }
  }
})

/** A TLS record of application data that is noise. */
function forge({ raw }: End): void {
  raw.write(Buffer.concat([Buffer.of(0x17, 3, 3, 0, 64), randomBytes(64)]))
}
