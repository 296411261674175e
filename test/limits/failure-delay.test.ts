import { encodeCgpFlight } from '@doublehop/wire/cgp'
import { StaTicket, Ticket } from '@doublehop/wire/ticket'
import t from 'tap'
import type { End } from '../kit/ends.ts'
import { LimitScene } from '../kit/limit-scene.ts'
import type { Coming } from '../kit/stranger.ts'
import { answered, told } from '../kit/stranger.ts'
import { until } from '../kit/wait.ts'

/** A launch, and how long its answer took. */
async function attempt(scene: LimitScene, ticket: Ticket, coming: Coming = {}) {
  const since = performance.now()
  const got = await scene.fate(await scene.launch(ticket, coming))
  return { got, milliseconds: performance.now() - since }
}

for (const redeemAt of ['gateway', 'proxy']) {
  t.test(
    `redeemed at the ${redeemAt}, each failed ticket of a source is answered later`,
    async (t) => {
      const limits = { failureDelay: '250 ms' }
      const scene = await LimitScene.whole(t, { gateway: limits }, { gateway: { redeemAt } })
      for (const least of [250, 500, 1000]) {
        const { got, milliseconds } = await attempt(scene, scene.wrongTicket())
        t.equal(got, 'reply 02')
        t.ok(milliseconds >= least - 10, `${milliseconds} of ${least} ms`)
      }
      const good = await attempt(scene, await scene.ticket())
      t.equal(good.got, 'served')
      t.ok(
        good.milliseconds < 1900,
        `a good ticket of that source is not held: ${good.milliseconds} ms`,
      )
      const other = await attempt(scene, scene.wrongTicket(), { from: '127.0.0.2' })
      t.equal(other.got, 'reply 02')
      t.ok(other.milliseconds < 1900, `nor is another source: ${other.milliseconds} ms`)
      const next = await attempt(scene, scene.wrongTicket())
      t.ok(next.milliseconds >= 1990, `but its next wrong one is: ${next.milliseconds} ms`)
    },
  )
}

t.test('a CGP client that fails is held as well, and gets no byte', async (t) => {
  const scene = await LimitScene.whole(t, { gateway: { failureDelay: '900 ms' } })
  const since = performance.now()
  const end = await scene.secure('gateway')
  end.say(encodeCgpFlight(scene.wrongTicket()))
  t.equal(await told(end), 'nothing')
  t.ok(performance.now() - since >= 890)
})

t.test('no answer is held beyond the deadline of its launch', async (t) => {
  const scene = await LimitScene.whole(t, { gateway: { failureDelay: '10 min', launch: '2 s' } })
  for (let turn = 0; turn < 2; turn++) {
    const { got, milliseconds } = await attempt(scene, scene.wrongTicket())
    t.equal(got, 'reply 02')
    t.ok(milliseconds >= 1500 && milliseconds < 20_000, `${milliseconds} ms`)
  }
})

t.test(
  'the ticket of zeros, by which balancers look whether an STA lives, is no failure',
  async (t) => {
    const scene = await LimitScene.whole(t, { gateway: { failureDelay: '250 ms' } })
    for (let turn = 0; turn < 5; turn++) {
      const { got, milliseconds } = await attempt(scene, scene.wrongTicket('0'.repeat(32)))
      t.equal(got, 'reply 02')
      t.ok(milliseconds >= 240 && milliseconds < 3900, `${milliseconds} ms`)
    }
    const { milliseconds } = await attempt(scene, scene.wrongTicket())
    t.ok(milliseconds < 7900, `the first real one is held for 250 ms: ${milliseconds} ms`)
  },
)

t.test('a 42 ticket with one half of zeros guesses with the other one', async (t) => {
  const scene = await LimitScene.whole(t, { gateway: { failureDelay: '700 ms' } })
  const zeros = new StaTicket('STA01', '0'.repeat(32))
  const guess = new StaTicket('STA01', 'B'.repeat(32))
  for (const [least, ticket] of [
    [700, new Ticket(42, zeros, guess)],
    [1400, new Ticket(42, guess, zeros)],
  ] as const) {
    const { got, milliseconds } = await attempt(scene, ticket)
    t.equal(got, 'reply 02')
    t.ok(milliseconds >= least - 10, `${milliseconds} of ${least} ms`)
  }
  const { milliseconds } = await attempt(scene, new Ticket(42, zeros, zeros))
  t.ok(milliseconds < 2700, `both halves of zeros guess nothing: ${milliseconds} ms`)
})

/** Wrong tickets, one after the other, whose answers are all held. */
async function guesses(scene: LimitScene, count: number): Promise<End[]> {
  const held: End[] = []
  while (held.length < count) {
    held.push(await scene.launch(scene.wrongTicket()))
    await until(
      () => scene.house.events('launch-failed'),
      ({ length }) => length === held.length,
    )
  }
  return held
}

t.test('who waits for its answer takes no place from who has a good ticket', async (t) => {
  const scene = await LimitScene.whole(t, { gateway: { failureDelay: '10 min', sessions: 2 } })
  const guessing = await guesses(scene, 3)
  t.equal((await attempt(scene, await scene.ticket())).got, 'served')
  t.notOk(
    guessing.some(({ ended, closed }) => ended || closed),
    'and they are held still',
  )
  for (const one of guessing) one.reset()
})

t.test('of those who wait the oldest gives way, as in a handshake', async (t) => {
  const limits = { failureDelay: '10 min', handshakesPerSource: 2 }
  const scene = await LimitScene.whole(t, { gateway: limits })
  const [first, ...others] = await guesses(scene, 3)
  t.equal(first && (await told(first)), '0500', 'greeted, and then nothing more')
  t.notOk(others.some(({ ended, closed }) => ended || closed))
  for (const one of others) one.reset()
})

t.test('a wrong token at the storefront is answered later and later', async (t) => {
  const scene = await LimitScene.alone(t, 'storefront', { failureDelay: '400 ms' })
  const ask = async (client: string, headers: string) => {
    const end = await scene.client(client)
    const since = performance.now()
    end.say(`GET /apps HTTP/1.1\r\nHost: x\r\n${headers}\r\n`)
    const got = await answered(end)
    end.destroy()
    return { got, milliseconds: performance.now() - since }
  }
  const wrong = 'Authorization: Bearer guessed\r\n'
  for (const least of [400, 800, 1600]) {
    const { got, milliseconds } = await ask('203.0.113.7', wrong)
    t.equal(got, 'HTTP 401')
    t.ok(milliseconds >= least - 10, `${milliseconds} of ${least} ms`)
  }
  const right = await ask('203.0.113.7', scene.bearer)
  t.equal(right.got, 'HTTP 200')
  t.ok(right.milliseconds < 3000, `the right token is not held: ${right.milliseconds} ms`)
  const other = await ask('203.0.113.8', wrong)
  t.equal(other.got, 'HTTP 401')
  t.ok(other.milliseconds < 3000, `nor is another client: ${other.milliseconds} ms`)
})
