import t from 'tap'
import { Apart } from '../kit/apart.ts'
import type { End } from '../kit/ends.ts'
import { type Wire, withoutHosts } from '../kit/hosts.ts'
import { NIGHTLY } from '../kit/nightly.ts'
import { settled } from '../kit/settled.ts'
import { type Row, tableOf } from '../kit/tables.ts'
import type { Session } from '../kit/through.ts'
import { sayAll } from '../kit/transfer.ts'
import { until } from '../kit/wait.ts'

/** In seconds what takes a quarter of an hour elsewhere: each host gives a peer up after five unanswered tries. */
const PATIENCE_MILLISECONDS = NIGHTLY ? 400_000 : 60_000
const LONG = 'retransmission, long'
const MUCH = Buffer.alloc(120_000_000)

/** What is done before the wire is cut, and right after. */
interface State {
  before?(session: Session): Promise<unknown>
  after?(session: Session): void
}

const STATES: Readonly<Record<string, State>> = {
  'is quiet': {},
  'the client is telling': { after: ({ client }) => client.say('too late') },
  'the server is telling': { after: ({ server }) => server.say('too late') },
  'the client has ended its half': { before: ({ client, server }) => half(client, server) },
  'the client has ended its half, and is told something': {
    before: ({ client, server }) => half(client, server),
    after: ({ server }) => server.say('too late'),
  },
  'the server has ended its half': { before: ({ client, server }) => half(server, client) },
  'the client does not read': { before: ({ client, server }) => hold(server, client) },
  'the server does not read': { before: ({ client, server }) => hold(client, server) },
}

t.setTimeout(PATIENCE_MILLISECONDS + 60_000)

const ROWS = tableOf('endings.md', 'Death without a word')

t.test('every wire and state stands in the table', async (t) => {
  const cells = ROWS.map((row) => `${row['the wire that dies']}: ${row['the session']}`)
  // To a server that dies, what it was told before is no state of its own.
  for (const wire of ['client', 'hop', 'inner'])
    for (const state of Object.keys(STATES))
      if (wire !== 'inner' || !state.endsWith('told something'))
        t.ok(cells.includes(`${wire}: ${state}`), `${wire}: ${state}`)
  t.equal(ROWS.length, 23)
})

t.test(
  'a peer that dies without a word',
  { skip: withoutHosts(), timeout: PATIENCE_MILLISECONDS + 60_000 },
  async (t) => {
    const wires = ['client', 'hop', 'inner'] as const
    const worlds = await Promise.all(wires.map((wire) => die(wire)))
    for (const [at, wire] of wires.entries()) {
      t.test(`behind the ${wire} wire`, async (t) => {
        const { apart, sessions } = worlds[at] ?? (await die(wire))
        for (const { row, session, foundAfter } of sessions) {
          t.test(row['the session'] ?? '', async (t) => {
            const { gateway, proxy, milliseconds } = await foundAfter
            t.same([gateway, proxy], [row.gateway, row.proxy])
            t.match(
              {
                client: await seenBy(session.client, row['client sees']),
                server: await seenBy(session.server, row['server sees']),
              },
              { client: row['client sees'], server: row['server sees'] },
            )
            t.comment(`${row['found by']}: after ${(milliseconds / 1000).toFixed(1)} s`)
          })
        }
        t.test('leaves nothing in gateway and proxy', async (t) => {
          t.same(apart.counts(), [0, 0])
        })
      })
    }

    /** A double hop with a session in each state, whose wire then dies. */
    async function die(wire: Wire) {
      const apart = await Apart.open(t)
      const rows = ROWS.filter(
        (row) => row['the wire that dies'] === wire && (NIGHTLY || row['found by'] !== LONG),
      )
      const held: { row: Row; state: State; session: Session }[] = []
      for (const row of rows) {
        const state = STATES[row['the session'] ?? ''] ?? {}
        const session = await apart.session()
        await state.before?.(session)
        held.push({ row, state, session })
      }
      t.same(apart.counts(), [rows.length, rows.length], `${wire}: all are open`)
      const since = performance.now()
      apart.cut(wire)
      for (const { state, session } of held) state.after?.(session)
      const found = async (id: string) => {
        const reasons = () => [apart.reason('gateway', id), apart.reason('proxy', id)]
        const [gateway, proxy] = await until(
          reasons,
          (seen) => seen.every(Boolean),
          PATIENCE_MILLISECONDS,
        )
        return { gateway, proxy, milliseconds: performance.now() - since }
      }
      const sessions = held.map(({ row, session }) => {
        const foundAfter = found(session.id)
        foundAfter.catch(() => {})
        return { row, session, foundAfter }
      })
      return { apart, sessions }
    }
  },
)

/** One end has said all, and the other one knows. */
async function half(one: End, other: End): Promise<void> {
  one.finish()
  await other.until(() => other.ended)
}

/** One end says more than anybody holds, and the other does not read. */
async function hold(one: End, other: End): Promise<void> {
  other.socket.pause()
  let taken = 0
  void sayAll(one, MUCH, (count) => {
    taken = count
  })
  await settled(() => taken)
}

/** How a connection stands at its own end. */
async function seenBy(end: End, told: string | undefined): Promise<string> {
  // Who does not read sees nothing before it reads.
  end.onBytes = () => {}
  end.socket.resume()
  if (told === 'RST') return /^(ECONNRESET|EPIPE)$/.test(await end.ending()) ? 'RST' : 'another end'
  if (end.closed) return `closed: ${end.error?.code}`
  return end.ended ? 'FIN' : '–'
}
