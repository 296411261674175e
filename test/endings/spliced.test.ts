import '../kit/hasty.ts'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { shownBy } from '../kit/ask-admin.ts'
import type { End } from '../kit/ends.ts'
import { settled } from '../kit/settled.ts'
import { tableOf } from '../kit/tables.ts'
import { Through } from '../kit/through.ts'
import { arrivedFrom, bytesFrom, hearAll, sayAll } from '../kit/transfer.ts'
import { until } from '../kit/wait.ts'

/** One side of a session, which does something, and the other one, which sees it. */
interface Sides {
  readonly one: End
  readonly other: End
  readonly does: string | undefined
}

/** Waits for what a FIN must not have cost. */
type Arrival = (t: Test) => Promise<void>

/** A session in some state. */
interface State {
  /** its one side is saying much, and the end behind it */
  readonly ends?: true
  readonly arrives?: Arrival
}

const SOME = bytesFrom('some', 8_000_000)
/** More than all the kernels between two ends hold; only an RST leaves it unsaid. */
const MUCH = bytesFrom('much', 120_000_000)
const LESS = MUCH.subarray(0, 20_000_000)

const STATES: Readonly<Record<string, (sides: Sides) => Promise<State>>> = {
  async 'is quiet'({ one, other }) {
    await exchangeWord(one, other)
    return {}
  },
  async 'is telling'({ one, other }) {
    return { ends: true, arrives: await stream(one, other) }
  },
  async 'is being told'({ one, other }) {
    return { arrives: await stream(other, one) }
  },
  async 'has ended its half'({ one, other }) {
    one.finish('all')
    await other.until(() => other.ended)
    return {}
  },
  async 'has heard the other’s FIN'({ one, other }) {
    other.finish('all')
    await one.until(() => one.ended)
    return {}
  },
  async 'does not read, and holds the other back'({ one, other, does }) {
    return { arrives: await hold(other, one, does === 'RST' ? MUCH : LESS) }
  },
  async 'is held back'({ one, other, does }) {
    return { ends: true, arrives: await hold(one, other, does === 'RST' ? MUCH : LESS) }
  },
}

/** One says some, the other hears it as it comes. */
async function stream(from: End, to: End): Promise<Arrival> {
  const arriving = hearAll(to)
  arriving.catch(() => {}) // an RST breaks it off
  void sayAll(from, SOME)
  await until(
    () => to.socket.bytesRead,
    (count) => count > 100_000,
  )
  return async (t) => void t.same(await arriving, arrivedFrom(SOME))
}

/** One says much, and the other does not read. */
async function hold(from: End, to: End, said: Buffer): Promise<Arrival> {
  to.socket.pause()
  let taken = 0
  void sayAll(from, said, (count) => {
    taken = count
  })
  if ((await settled(() => taken)) === MUCH.length) throw new Error('it was not held back')
  return async (t) => {
    const arriving = hearAll(to)
    to.socket.resume()
    t.same(await arriving, arrivedFrom(said))
  }
}

const ROWS = tableOf('endings.md', 'Spliced')

t.test('every state of a session stands in the table, with FIN and RST', async (t) => {
  const cells = ROWS.map((row) => `${row['one side']} ${row.does}`)
  const all = Object.keys(STATES).flatMap((state) => [`${state} FIN`, `${state} RST`])
  t.same(
    cells,
    // Who has ended its half has no FIN left.
    all.filter((cell) => cell !== 'has ended its half FIN'),
  )
})

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  t.test(`a session through both hops, by ${version}`, async (t) => {
    const through = await Through.open(t, version)
    for (const by of ['client', 'server'] as const) {
      for (const row of ROWS) {
        // That a FIN passes by TLS 1.2 is shown in half-close.test.ts.
        if (version === 'TLSv1.2' && row.does === 'FIN') continue
        const state = row['one side'] ?? ''
        t.test(`whose ${by} ${state}: ${row.does}`, async (t) => {
          const session = await through.session()
          const [one, other] =
            by === 'client' ? [session.client, session.server] : [session.server, session.client]
          const before = (await STATES[state]?.({ one, other, does: row.does })) ?? {}
          const since = performance.now()
          if (row.does === 'RST') one.reset()
          else await finish(t, one, other, before)
          if (row['the other sees'] === '–') await speakUp(through, session.id, by, other)
          else await seesEnding(other, row['the other sees'])
          const { gateway, proxy } = await through.closings(session.id)
          const reason = reasonOf(row.reason, state, by)
          t.match([gateway.reason, proxy.reason], [reason, reason])
          t.comment(`let go ${Math.round(performance.now() - since)} ms later`)
          await nothingIsLeft(through)
          other.destroy()
        })
      }
    }
  })
}

/** Ends one side behind all it has to say, and the other side when it has heard it. */
async function finish(t: Test, one: End, other: End, { ends, arrives }: State): Promise<void> {
  if (!ends) one.finish()
  await arrives?.(t)
  await other.until(() => other.ended)
  t.notOk(other.error)
  other.finish()
  t.equal(await one.ending(), 'clean')
}

/** The daemon next to who is gone has noticed, the other end has seen nothing; then it says something. */
async function speakUp({ house }: Through, id: string, by: string, other: End): Promise<void> {
  const next = by === 'client' ? 'gateway' : 'proxy'
  const hasNoticed = (): boolean =>
    house.events('session-closed').some(({ session, daemon }) => session === id && daemon === next)
  await until(hasNoticed, Boolean)
  if (other.closed) throw new Error('the other end has seen more than a FIN')
  while (!other.closed) {
    other.say('is anybody there?')
    await delay(20)
  }
}

async function seesEnding(other: End, how: string | undefined): Promise<void> {
  // Who does not read sees nothing before it reads.
  other.onBytes = () => {}
  other.socket.resume()
  const ending = await other.ending()
  const isAsTold = how === 'RST' ? /^(ECONNRESET|EPIPE)$/.test(ending) : ending === 'clean'
  if (!isAsTold) throw new Error(`${how} was to be seen, and it was ${ending}`)
}

function reasonOf(told: string | undefined, state: string, by: string): RegExp {
  if (told === 'error') return /^error:(ECONNRESET|EPIPE)$/
  const other = by === 'client' ? 'server' : 'client'
  return new RegExp(`^${state === 'has heard the other’s FIN' ? other : by}-closed$`)
}

async function exchangeWord(one: End, other: End): Promise<void> {
  one.say('x')
  await other.read(1)
  other.say('y')
  await one.read(1)
}

async function nothingIsLeft({ hop }: Through): Promise<void> {
  const counts = async (): Promise<number[]> => {
    const shown = await Promise.all([hop.gateway, hop.proxy].map(({ at }) => shownBy(at.admin)))
    return shown.map(({ sessions }) => sessions.length)
  }
  await until(counts, (seen) => seen.every((count) => count === 0))
}
