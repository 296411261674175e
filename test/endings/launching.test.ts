import t from 'tap'
import type { End } from '../kit/ends.ts'
import { House } from '../kit/house.ts'
import { PHASES, type Phase, Phases, type Protocol } from '../kit/phases.ts'
import { type Row, tableOf } from '../kit/tables.ts'
import { until } from '../kit/wait.ts'

/** The limits that end a silence, short enough to wait for; those that must not fire are far away. */
const LIMITS = { tlsHandshake: 400, firstFlight: 450, staRequest: 800, dial: 850 }
const asDurations = (limits: object): object =>
  Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, `${value} ms`]))

const { tlsHandshake, firstFlight, staRequest, dial } = LIMITS
const gateway = {
  limits: asDurations({ tlsHandshake, firstFlight, staRequest: 20_000, launch: 20_000 }),
}
const proxy = { limits: asDurations({ staRequest, dial }) }
const ROWS = tableOf('endings.md', 'During a launch')

t.test('every phase of a launch stands in the table, with each way to end', async (t) => {
  const cells = ROWS.map((row) => `${row.phase} ${wayOf(row)}`)
  t.same(
    cells,
    PHASES.flatMap((phase) => ['FIN', 'RST', 'silence'].map((way) => `${phase} ${way}`)),
  )
})

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  t.test(`a client that ends during its launch, by ${version}`, async (t) => {
    const house = new House(t)
    const phases = await Phases.open(t, house, { version, gateway, proxy })
    for (const row of ROWS) {
      // A silence is ended by a timer, whatever the version.
      if (version === 'TLSv1.2' && wayOf(row) === 'silence') continue
      for (const protocol of ['socks', 'cgp'] as const) {
        if (row.phase === 'handshake' && protocol === 'cgp') continue
        t.test(`${row.phase}: ${row['the client']}, ${protocol}`, async (t) => {
          const seen = await perform(phases, row, protocol)
          t.match(seen, {
            client: row[`${protocol === 'socks' ? 'SOCKS' : 'CGP'} client sees`],
            server: row['server sees'],
            gateway: row.gateway,
            proxy: row.proxy,
          })
          const limit = LIMITS[row['how soon'] as keyof typeof LIMITS]
          if (limit === undefined) t.ok(seen.milliseconds < 5000, `${seen.milliseconds} ms`)
          else t.ok(seen.milliseconds > limit - 20, `${seen.milliseconds} ms, not before its time`)
        })
      }
    }
  })
}

function wayOf(row: Row): 'FIN' | 'RST' | 'silence' {
  return row['the client']?.split(',')[0] as 'FIN' | 'RST' | 'silence'
}

/** Brings a client into this phase, has it end this way, and tells what everybody saw. */
async function perform(phases: Phases, row: Row, protocol: Protocol) {
  const { house, sta, server } = phases
  const phase = row.phase as Phase
  const ticket = await ticketFor(phases, phase)
  const since = house.log.length
  const sessions = server.ends.length
  if (phase === 'redeem') sta.hold()
  const began = performance.now()
  const client = await phases.reach(phase, protocol, ticket)
  if (phase === 'redeem') await until(() => sta.waiting, Boolean)
  if (phase === 'dial') await until(() => hasBegunToDial(phases, since), Boolean)

  const way = wayOf(row)
  if (way === 'FIN') client.finish()
  if (way === 'RST') client.reset()
  if (row['how soon'] === 'with the session') {
    sta.release()
    const end = await until(() => server.ends[sessions], Boolean)
    await end?.until(() => end.ended)
    end?.finish()
  }
  await until(
    () => phases.endings('gateway', since),
    (said) => said !== '–',
    10_000,
  )
  const milliseconds = performance.now() - began
  if (way !== 'RST') await client.until(() => client.ended)
  sta.release()
  await phases.allGone(row.proxy === '–' ? undefined : 10_000)
  const heard = server.ends[sessions]
  client.destroy()
  return {
    client: seenBy(client, way),
    server: heard === undefined ? '–' : 'FIN',
    gateway: phases.endings('gateway', since),
    proxy: phases.endings('proxy', since),
    milliseconds,
  }
}

async function ticketFor(phases: Phases, phase: Phase) {
  if (phase === 'dial') return await phases.ticket('deaf')
  if (phase !== 'redeem') return undefined
  await phases.session()
  return await phases.ticket('server')
}

function hasBegunToDial({ house }: Phases, since: number): boolean {
  return house.log.slice(since).some(({ event, step }) => event === 'step' && step === 5)
}

function seenBy({ heard, ended }: End, way: string): string {
  // A SOCKS reply follows the choice of the method.
  const reply = heard.length >= 12 ? `reply ${heard.toString('hex', 3, 4)}` : undefined
  return [reply, ended && way !== 'RST' ? 'FIN' : undefined].filter(Boolean).join(', ') || '–'
}
