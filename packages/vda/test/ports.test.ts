import { encodeCgpFlight } from '@doublehop/wire/cgp'
import { concat } from '@doublehop/wire/conversation'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { ICA_GREETING } from '@doublehop/wire/ica-greeting'
import { bytesOf } from '@doublehop/wire/text'
import { parseTicket } from '@doublehop/wire/ticket'
import t, { type Test } from 'tap'
import { type End, openEnd } from '../../../test/kit/ends.ts'
import { oddCgpFlight } from '../../../test/kit/flights.ts'
import { House } from '../../../test/kit/house.ts'
import { until } from '../../../test/kit/wait.ts'

const TICKET = parseTicket(';40;STA01;6C0EE48D2E8CADFEE6D1EB93BFB52A57')

async function run(
  t: Test,
  more: object = {},
): Promise<{ house: House; ica: () => Promise<End>; cgp: () => Promise<End> }> {
  const house = new House(t)
  const apps = [{ name: 'echo', kind: 'echo', listenCgp: '127.0.0.1:0', listenIca: '127.0.0.1:0' }]
  const vda = await house.start('vda', { apps, ...more })
  return {
    house,
    ica: () => openEnd(t, vda.at['echo.ica'] as Endpoint),
    cgp: () => openEnd(t, vda.at['echo.cgp'] as Endpoint),
  }
}

t.test('1494', async (t) => {
  t.test('speaks first, and again every two seconds while the client is silent', async (t) => {
    const { ica } = await run(t)
    const end = await ica()
    t.same(await end.read(6), Buffer.from('7f7f49434100', 'hex'))
    const first = performance.now()
    t.same(await end.read(6), Buffer.from(ICA_GREETING))
    const second = performance.now()
    t.same(await end.read(6), Buffer.from(ICA_GREETING))
    for (const gap of [second - first, performance.now() - second])
      t.ok(gap > 1800 && gap < 3500, `${gap} ms`)
    end.say(concat(ICA_GREETING, bytesOf('hello')))
    t.equal((await end.read(5)).toString(), 'hello', 'and then it is the app')
    await new Promise((resolve) => setTimeout(resolve, 2200))
    t.equal(end.heard.length, 0, 'which is not interrupted by another greeting')
  })

  t.test('takes the answer byte by byte, and with what follows it', async (t) => {
    const { ica } = await run(t)
    const end = await ica()
    await end.read(6)
    for (const byte of concat(ICA_GREETING, bytesOf('hello'))) {
      end.say(Uint8Array.of(byte))
      await new Promise(setImmediate)
    }
    t.equal((await end.read(5)).toString(), 'hello')
    end.finish()
    t.equal(await end.ending(), 'clean')
  })

  t.test('a wrong answer is refused with a reset', async (t) => {
    const { ica, house } = await run(t)
    for (const wrong of ['GET / HTTP/1.1\r\n', '\x7f\x7fICX\0', '\x1aCGP/01']) {
      const end = await ica()
      await end.read(6)
      end.say(Buffer.from(wrong, 'latin1'))
      t.equal(await end.ending(), 'ECONNRESET', JSON.stringify(wrong))
    }
    t.match(
      house.events('session-failed').map(({ code }) => code),
      Array(3).fill('DH_ICA_GREETING'),
    )
  })

  t.test('a client that stays silent, or ends, is not greeted for ever', async (t) => {
    const { ica, house } = await run(t, { limits: { greeting: '300ms' } })
    const silent = await ica()
    t.equal(await silent.ending(), 'ECONNRESET')
    const half = await ica()
    await half.read(6)
    half.finish(ICA_GREETING.subarray(0, 3))
    await half.until(() => half.ended || half.closed)
    await until(
      () => house.events('session-closed').length,
      (count) => count === 2,
    )
    t.same(
      house.events('session-failed').map(({ code }) => code),
      ['DH_HANDSHAKE_DEADLINE', 'DH_PEER_CLOSED'],
    )
  })
})

t.test('2598', async (t) => {
  t.test('is silent until it is spoken to', async (t) => {
    const { cgp } = await run(t)
    const end = await cgp()
    await new Promise((resolve) => setTimeout(resolve, 300))
    t.equal(end.heard.length, 0)
    t.notOk(end.ended || end.closed)
    end.say('hello')
    t.equal((await end.read(5)).toString(), 'hello')
  })

  const flights = {
    ours: encodeCgpFlight(TICKET),
    'one with every byte in it': oddCgpFlight(TICKET),
  }
  for (const [what, flight] of Object.entries(flights)) {
    t.test(`a CGP flight is taken off before the app: ${what}`, async (t) => {
      const { cgp } = await run(t)
      const said = concat(flight, bytesOf('hello'))
      for (const size of [said.length, 7, 1]) {
        const end = await cgp()
        for (let at = 0; at < said.length; at += size) {
          end.say(said.subarray(at, at + size))
          if (size < said.length) await new Promise(setImmediate)
        }
        end.finish()
        t.equal((await end.rest()).toString(), 'hello', `in pieces of ${size}`)
        t.equal(await end.ending(), 'clean')
      }
    })
  }

  t.test('a flight and nothing else leaves the app with nothing', async (t) => {
    const { cgp } = await run(t)
    const end = await cgp()
    end.say(encodeCgpFlight(TICKET))
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.equal(end.heard.length, 0)
    end.say(encodeCgpFlight(TICKET))
    t.same(
      await end.read(encodeCgpFlight(TICKET).length),
      Buffer.from(encodeCgpFlight(TICKET)),
      'a second one is the app’s',
    )
    end.finish()
    t.equal(await end.ending(), 'clean')
  })

  t.test('a flight without a ticket is refused with a reset', async (t) => {
    const { cgp } = await run(t)
    const end = await cgp()
    end.say(Buffer.from(`\x1aCGP/01${'x'.repeat(5000)}`, 'latin1'))
    t.equal(await end.ending(), 'ECONNRESET')
  })

  t.test('a session that came by SOCKS begins with the app’s bytes', async (t) => {
    const { cgp } = await run(t)
    for (const said of [
      '\x05\x01\x00',
      'GET / HTTP/1.1\r\n\r\n',
      'hello \x1aCGP/01 in the middle',
      '\x1a',
      '\x1aCGP/0',
      '\x1aCGP/02 is no signature',
      '\x1a\x1aCGP/01 neither',
    ]) {
      const end = await cgp()
      end.finish(Buffer.from(said, 'latin1'))
      t.equal((await end.rest()).toString('latin1'), said)
    }
  })
})

t.test('no more sessions at a port than it is allowed', async (t) => {
  const { cgp } = await run(t, { limits: { sessions: 2 } })
  const [first] = [await cgp(), await cgp()]
  first?.say('x')
  await first?.read(1)
  const third = await cgp()
  await third.until(() => third.ended || third.closed)
})
