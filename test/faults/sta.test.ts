import { randomBytes } from 'node:crypto'
import { StaTicket, Ticket } from '@doublehop/wire/ticket'
import t, { type Test } from 'tap'
import { failuresOf, sessionsOf } from '../kit/failures.ts'
import { faultTable } from '../kit/fault-tables.ts'
import { House, type Running } from '../kit/house.ts'
import type { Row } from '../kit/tables.ts'
import { httpAnswer, type Trouble, TroubledSta } from '../kit/troubled-sta.ts'
import { until } from '../kit/wait.ts'
import { Witness } from '../kit/witness.ts'

/** What stands in the column `when`, beside `at once`. */
const WHEN: Readonly<Record<string, number>> = {
  'after staRequest': 1200,
  'after half of staRequest': 600,
}
const limits = { staRequest: '1200 ms', dial: '2 s' }
/** What a busy machine may add. */
const SLACK = 2500

/** What each row of docs/faults.md means on the wire. */
const TROUBLES: Readonly<Record<string, Trouble>> = {
  'answers too late': (_socket, good) => void setTimeout(good, 2400),
  'says nothing': () => {},
  'breaks the connection': (socket) => socket.destroy(),
  'speaks no HTTP': (socket) => socket.write('SSH-2.0-what is this\r\n'),
  'breaks off its answer': (socket) => socket.end(httpAnswer('200 OK', 'half').slice(0, -2)),
  'answers no XML': (socket) => socket.write(httpAnswer('200 OK', 'it works!')),
  'answers 404': (socket) => socket.write(httpAnswer('404 Not Found', '')),
  'answers 503': (socket) => socket.write(httpAnswer('503 Service Unavailable', '')),
  'answers 403': (socket) => socket.write(httpAnswer('403 Forbidden', '')),
}

/** A double hop around an STA in trouble. Whoever is in a session does not notice. */
class Scene {
  readonly #house: House
  readonly #sta: TroubledSta
  readonly #gateway: Running
  readonly #proxy: Running
  readonly #redeemAt: string
  readonly #bystander: Witness

  private constructor(
    house: House,
    sta: TroubledSta,
    gateway: Running,
    proxy: Running,
    redeemAt: string,
    bystander: Witness,
  ) {
    this.#house = house
    this.#sta = sta
    this.#gateway = gateway
    this.#proxy = proxy
    this.#redeemAt = redeemAt
    this.#bystander = bystander
  }

  static async set(t: Test, redeemAt: string): Promise<Scene> {
    const house = new House(t)
    const vda = await house.vda()
    const sta = await TroubledSta.listen(t, house, vda.where('echo.cgp'))
    const stas = [{ urls: [sta.url] }]
    const proxy = await house.proxy(stas, { limits })
    const hops = [{ name: 'proxy', address: proxy.where() }]
    const gateway = await house.gateway(stas, hops, {
      limits: { ...limits, failureDelay: 'off' },
      redeemAt,
    })
    const bystander = await Witness.inSession(house.access(gateway), ticket())
    return new Scene(house, sta, gateway, proxy, redeemAt, bystander)
  }

  async hold(t: Test, what: string, row: Row): Promise<void> {
    const before = this.#house.log.length
    const counted = await this.#counted()
    this.#sta.trouble = TROUBLES[what]
    const isDeaf = what === 'takes connections, but no TLS'
    if (isDeaf) {
      this.#sta.deaf = true
      this.#sta.hangUp() // connections from before would still be heard
    }
    const one = what === 'tells another id than its tickets' ? ticket('STA99') : ticket()

    const { fate, milliseconds } = await this.#launch(one)
    t.equal(fate, row['client gets'])
    const least = WHEN[row.when ?? ''] ?? 0
    t.ok(milliseconds >= least - 20 && milliseconds < least + SLACK, `${milliseconds} ms`)

    const ours = this.#redeemAt === 'gateway' ? row.gateway : row['gateway, redeemAt: proxy']
    const theirs = this.#redeemAt === 'proxy' && row.proxy === '–' ? row.gateway : row.proxy
    await this.#logged(t, before, 'gateway', ours)
    if (theirs !== '–') await this.#logged(t, before, 'proxy', theirs)
    const now = await this.#counted()
    t.equal(
      (now.gateway[ours ?? ''] ?? 0) - (counted.gateway[ours ?? ''] ?? 0),
      1,
      'the gateway counts it',
    )

    this.#sta.trouble = undefined
    this.#sta.deaf = false
    t.ok(await this.#bystander.echoes(), 'the session that was there goes on')
    const next = await Witness.inSession(this.#house.access(this.#gateway), ticket())
    next.leave()
    for (const { metrics } of [this.#gateway, this.#proxy])
      t.equal(
        await until(
          () => sessionsOf(metrics),
          (count) => count === 1,
        ),
        1,
      )
  }

  async #launch(one: Ticket): Promise<{ fate: string; milliseconds: number }> {
    const witness = await Witness.arrive(this.#house.access(this.#gateway), one)
    const asked = performance.now()
    witness.ask()
    const fate = await witness.fate()
    return { fate, milliseconds: performance.now() - asked }
  }

  async #logged(t: Test, since: number, daemon: string, code: string | undefined): Promise<void> {
    const find = () =>
      this.#house.log
        .slice(since)
        .filter((line) => line.daemon === daemon && FAILED.includes(line.event ?? ''))
    const lines = await until(find, ({ length }) => length > 0)
    t.same(new Set(lines.map((line) => line.code)), new Set([code]), `says the ${daemon}`)
  }

  async #counted() {
    return { gateway: await failuresOf(this.#gateway.metrics) }
  }
}

const FAILED = ['launch-failed', 'relay-refused', 'ticket-refused']

/** A ticket that the STA in trouble will know. */
function ticket(sta = 'STA01'): Ticket {
  return new Ticket(40, new StaTicket(sta, randomBytes(16).toString('hex').toUpperCase()))
}

t.jobs = 2
for (const redeemAt of ['gateway', 'proxy'] as const) {
  t.test(`redeemAt: ${redeemAt}: an STA that`, { buffered: true }, async (t) => {
    const scene = await Scene.set(t, redeemAt)
    for (const row of faultTable('An STA in trouble')) {
      const what = row['the STA'] ?? ''
      if (what === 'is not the one that issued the ticket') continue // below, with a real one
      await t.test(`${what}: ${row['client gets']} ${row.when}`, async (t) => {
        await scene.hold(t, what, row)
      })
    }
  })
}

t.test('an STA that is not the one that issued the ticket', async (t) => {
  const house = new House(t)
  const { access, proxy } = await house.doubleHop()
  const strange = new Ticket(
    40,
    new StaTicket('STA01', randomBytes(16).toString('hex').toUpperCase()),
  )
  const witness = await Witness.arrive(access, strange)
  witness.ask()
  const rows = faultTable('An STA in trouble')
  const expected = rows.find((row) => row['the STA'] === 'is not the one that issued the ticket')
  t.equal(await witness.fate(), expected?.['client gets'])
  t.match(house.events('launch-failed'), [{ daemon: 'gateway', code: expected?.gateway }])
  t.same(await failuresOf(proxy.metrics), { [expected?.proxy ?? '']: 1 })
})
