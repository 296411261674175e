import type { Test } from 'tap'
import { attempt } from './attempt.ts'
import { faultTable, type Promised, promised, rowOf } from './fault-tables.ts'
import { HeldLaunch } from './held-launch.ts'
import { type DaemonName, MortalDoubleHop } from './mortal-double-hop.ts'
import type { Row } from './tables.ts'
import { until } from './wait.ts'
import { Witness } from './witness.ts'

/** The launch deadline, limits.launch. */
const DEADLINE = 30_000
const STEPS = { gateway: [1, 2, 3, 4, 5, 6, 7, 8, 9], proxy: [1, 5, 2, 3, 4, 6, 7, 8, 9] }
const TICKET = { spent: 'DH_TICKET_USED', lost: 'DH_TICKET_UNKNOWN' }

const usual = faultTable('Killed, with redeemAt: gateway')
const different = faultTable('Killed, with redeemAt: proxy')
const onItsWay = faultTable('Killed, and what it had sent arrives')
const codes = faultTable('Killed, and what the log says')

/** Columns of the tables. */
export const COLUMNS = ['gateway', 'proxy', 'sta', 'sta with Redis', 'storefront', 'vda'] as const

/** A column: which daemon dies, in steps of which kind of launch. */
export interface Column {
  readonly redeemAt: 'gateway' | 'proxy'
  readonly name: (typeof COLUMNS)[number]
}

/** Steps of a column, one after the other, in one double hop: all in their order, unless told otherwise. */
export async function killInSteps(
  t: Test,
  column: Column,
  steps: readonly number[] = STEPS[column.redeemAt],
): Promise<void> {
  const { redeemAt, name } = column
  const daemon = name === 'sta with Redis' ? 'sta' : name
  const house = await MortalDoubleHop.start(t, { redeemAt, redis: name === 'sta with Redis' })
  for (const step of steps) {
    const row = rowFor(redeemAt, step)
    const what = `in step ${row['step under way']}`
    const cell = promised(row[name])
    await t.test(`${what}: ${row[name]}`, async (t) => {
      await kill(t, house, { redeemAt, daemon, step, cell, arrives: false })
    })
    const late = onItsWay.find(
      (one) => one.redeemAt === redeemAt && one.daemon === name && rowOf([one], step),
    )
    if (late === undefined) continue
    await t.test(`${what}, and what it had sent arrives: ${late.instead}`, async (t) => {
      const instead = promised(late.instead)
      await kill(t, house, { redeemAt, daemon, step, cell: instead, arrives: true })
    })
  }
}

interface Case {
  readonly redeemAt: 'gateway' | 'proxy'
  readonly daemon: DaemonName
  readonly step: number
  readonly cell: Promised
  /** whether what the daemon had sent reaches its peer after its death */
  readonly arrives: boolean
}

async function kill(t: Test, house: MortalDoubleHop, one: Case): Promise<void> {
  const { redeemAt, daemon, step, cell, arrives } = one
  const launch = await HeldLaunch.in(t, house, redeemAt, step)
  const before = house.daemons.gateway.lines.length

  launch.shut(daemon)
  await house.daemons[daemon].kill()
  const killed = performance.now()
  launch.letGo(daemon, arrives)

  const [socks, cgp] = launch.clients
  t.equal(await socks.fate(), cell.client, 'what the SOCKS client gets')
  t.equal(await cgp.fate(), cell.client === 'session' ? 'session' : 'end', 'and the CGP client')
  if (cell.client.startsWith('0')) {
    t.ok(cgp.heardNothing, 'which hears nothing of a refusal')
    await refusedWith(t, house, before, one)
  }
  t.ok(performance.now() - killed < DEADLINE, 'within the launch deadline')

  for (const { what, needs, session } of house.bystanders) {
    const needed = needs.includes(daemon)
    t.equal(await session.echoes(), !needed, `the session ${what} ${needed ? 'ends' : 'goes on'}`)
  }

  await house.daemons[daemon].start()
  await launch.mend()
  const tickets = launch.clients.map(({ ticket }) => ticket)
  await stand(t, house, tickets, cell.ticket)
  const next = await Witness.inSession(house.access, await house.ticket())
  t.ok(await next.echoes(), 'the next launch works')

  for (const client of [...launch.clients, next]) client.leave()
  await baseline(t, house, daemon)
}

/** What the gateway has logged of each of the two launches since. */
async function refusedWith(
  t: Test,
  house: MortalDoubleHop,
  since: number,
  { redeemAt, step, daemon }: Case,
): Promise<void> {
  const row = codes.find((one) => one.redeemAt === redeemAt && rowOf([one], step))
  const failed = () =>
    house.daemons.gateway.lines.slice(since).filter(({ event }) => event === 'launch-failed')
  const lines = await until(failed, ({ length }) => length >= 2)
  t.same(
    lines.map(({ code }) => code),
    [row?.[daemon], row?.[daemon]],
    'the gateway says why',
  )
}

/** What the tickets are good for, and what the STA says of them. */
async function stand(
  t: Test,
  house: MortalDoubleHop,
  tickets: readonly Witness['ticket'][],
  what: Promised['ticket'],
): Promise<void> {
  const since = house.daemons.sta.lines.length
  const outcomes = await Promise.all(tickets.map((ticket) => attempt(house.access, ticket)))
  const seen = outcomes.map(({ outcome }) => outcome)
  const expected = what === 'good' ? 'connected' : 'DH_SOCKS_DENIED'
  t.same(
    seen,
    tickets.map(() => expected),
    `the tickets are ${what}`,
  )
  if (what === 'good') return
  const refusals = () =>
    house.daemons.sta.lines.slice(since).filter(({ event }) => event === 'sta-refused')
  const said = await until(refusals, ({ length }) => length >= tickets.length)
  t.same(new Set(said.map(({ code }) => code)), new Set([TICKET[what]]), 'says the STA')
}

/** Sessions are as many as before, and those that ended are opened again. */
async function baseline(t: Test, house: MortalDoubleHop, killed: DaemonName): Promise<void> {
  for (const name of ['gateway', 'proxy', 'vda'] as const) {
    const { length } = house.bystanders.filter(
      ({ needs }) => needs.includes(name) && !needs.includes(killed),
    )
    const seen = await until(
      () => house.sessions(name),
      ({ shown, metric }) => shown === length && metric === length,
    )
    t.same(seen, { shown: length, metric: length }, `the ${name} has ${length} sessions again`)
  }
  for (const bystander of house.bystanders)
    if (bystander.needs.includes(killed)) bystander.session = await bystander.open()
}

function rowFor(redeemAt: string, step: number): Row {
  const row = (redeemAt === 'proxy' ? rowOf(different, step) : undefined) ?? rowOf(usual, step)
  if (row === undefined) throw new Error(`docs/faults.md has no row for step ${step}`)
  return row
}
