import t, { type Test } from 'tap'
import { failuresOf, sessionsOf } from '../kit/failures.ts'
import { faultTable } from '../kit/fault-tables.ts'
import { freePort } from '../kit/free-port.ts'
import { FullQueue } from '../kit/full-queue.ts'
import { House } from '../kit/house.ts'
import { StubVda } from '../kit/stub-vda.ts'
import { until } from '../kit/wait.ts'
import { Witness } from '../kit/witness.ts'

const DIAL = 1000
const limits = { dial: `${DIAL} ms` }
/** What a busy machine may add. */
const SLACK = 2500

t.jobs = 2
for (const redeemAt of ['gateway', 'proxy']) {
  t.test(`redeemAt: ${redeemAt}: a server that`, { buffered: true }, async (t) => {
    const house = new House(t)
    const stubs = await servers(t)
    const published = Object.entries(stubs).map(([name, cgpAddress]) => ({ name, cgpAddress }))
    const { access, gateway, proxy, ticket } = await house.doubleHop({
      published,
      proxy: { limits },
      gateway: { redeemAt },
    })
    const bystander = await Witness.inSession(access, await ticket())

    for (const row of faultTable('A server in trouble')) {
      const what = row['the server'] ?? ''
      await t.test(`${what}: ${row['client gets']} ${row.when}`, async (t) => {
        const before = house.log.length
        const witness = await Witness.arrive(access, await ticket(what.replaceAll(' ', '-')))
        const asked = performance.now()
        witness.ask()
        const fate = await witness.fate()
        const milliseconds = performance.now() - asked
        const isRefusal = fate !== 'end'
        const early = what === 'resets every connection' && fate === '04'
        t.ok(fate === row['client gets'] || early, fate)
        const least = row.when === 'after dial' ? DIAL : 0
        t.ok(milliseconds >= least - 20 && milliseconds < least + SLACK, `${milliseconds} ms`)

        const closed = () =>
          house.log.slice(before).filter(({ event }) => event === 'session-closed')
        const [one, other] = await until(closed, ({ length }) => length >= 2)
        for (const line of [one, other]) {
          const code = early
            ? { gateway: 'DH_SOCKS_UNREACHABLE', proxy: 'DH_DIAL_HOST_UNREACHABLE' }
            : row
          const by = line?.daemon as 'gateway' | 'proxy'
          const reason = isRefusal ? `error:${code[by]}` : /^error:(ECONNRESET|EPIPE)$/
          t.match(line?.reason, reason, `says the ${by}`)
          const counted = await failuresOf((by === 'gateway' ? gateway : proxy).metrics)
          if (isRefusal) t.equal(counted[code[by] ?? ''] ?? 0, refusals(house, by, code[by]))
        }
        for (const { metrics } of [gateway, proxy])
          t.equal(
            await until(
              () => sessionsOf(metrics),
              (count) => count === 1,
            ),
            1,
            'one session is left',
          )
        t.ok(await bystander.echoes(), 'and it goes on')
      })
    }

    await t.test('is well gets its launches as before', async () => {
      ;(await Witness.inSession(access, await ticket())).leave()
    })
  })
}

/** Where a server in each of these troubles is published. */
async function servers(t: Test): Promise<Record<string, string>> {
  const resetting = await StubVda.listen(t, ({ socket }) => socket.resetAndDestroy())
  const later = await StubVda.listen(t, ({ socket }) =>
    socket.once('data', () => socket.resetAndDestroy()),
  )
  const silent = await FullQueue.before(t, later.at)
  return {
    'refuses-connections': `127.0.0.1:${await freePort()}`,
    'does-not-answer-at-all': silent.where,
    'resets-every-connection': resetting.where,
    'resets-the-session': later.where,
  }
}

/** How many launches this daemon has refused with this code. */
function refusals(house: House, daemon: string, code: string | undefined): number {
  const refused = house.events('launch-failed').filter((line) => line.daemon === daemon)
  return refused.filter((line) => line.code === code).length
}
