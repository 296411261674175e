import { StorefrontClient } from '@doublehop/workspace/storefront-client'
import t from 'tap'
import { shownBy } from '../kit/ask-admin.ts'
import { inTurns, Member, tally } from '../kit/crowd.ts'
import { HouseAuthority } from '../kit/house-authority.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { metricOf } from '../kit/metric.ts'
import { atScale } from '../kit/nightly.ts'
import { until } from '../kit/wait.ts'

const SESSIONS = 1000
const RELOADS = 20
const BYTES = atScale(16_384, 1_048_576)
/** which of the reloads meets a broken file */
const BROKEN = 7
const UNBOUND = { limits: { sessionsPerSource: 'off', handshakesPerSource: 'off' } }
/** Both daemons would write some ten lines a launch. */
const QUIET = { log: { level: 'warn' } }

t.test('a thousand sessions notice nothing of twenty reloads', async (t) => {
  const house = new HouseToReload(t, ['gateway', 'proxy'])
  const double = await house.doubleHop({
    gateway: UNBOUND,
    storefront: UNBOUND,
    apps: [{ name: 'echo', kind: 'echo', listenCgp: '127.0.0.1:0' }],
  })
  const authority = new HouseAuthority(house)
  const daemons = ['gateway', 'proxy'] as const
  const reloadedAt = (kind: (typeof daemons)[number]) =>
    metricOf(double[kind].at.admin, 'doublehop_config_last_reload_success_timestamp_seconds')
  const wasTaken = (kind: (typeof daemons)[number]) =>
    metricOf(double[kind].at.admin, 'doublehop_config_last_reload_successful')

  // One connection to the storefront for all: a launch is what is tested here.
  const storefront = new StorefrontClient(double.access, house.read('workspace/token'))
  t.teardown(() => storefront.close())
  const entrance = { ...double, ticket: async () => (await storefront.ticket('echo')).ticket }

  const crowd = await inTurns(SESSIONS, 16, (at) =>
    Member.join(entrance, `member ${at}`, BYTES, RELOADS, at % 2 === 0 ? 'socks' : 'cgp'),
  )
  t.equal((await shownBy(double.gateway.at.admin)).sessions.length, SESSIONS)

  const newcomers: Member[] = []
  for (let round = 1; round <= RELOADS; round++) {
    const sending = Promise.all(crowd.map((member) => member.sendOne()))
    const launching = inTurns(4, 2, async (at) => {
      newcomers.push(await Member.join(entrance, `newcomer ${round}.${at}`, BYTES, 1))
    })
    const isBroken = round === BROKEN
    for (const kind of daemons) {
      authority.renew(kind)
      const before = await reloadedAt(kind)
      house.write(kind, isBroken ? `${kind}: {` : house.textOf(kind, QUIET))
      house.program(kind).signal('SIGHUP')
      if (isBroken)
        await until(
          () => wasTaken(kind),
          (taken) => taken === 0,
          20_000,
        )
      else
        await until(
          () => reloadedAt(kind),
          (at) => at !== before,
          20_000,
        )
    }
    await launching
    await sending
  }

  const came = await Promise.all([...crowd, ...newcomers].map((member) => member.finish()))
  t.same(tally(came), { 'intact, clean': SESSIONS + 4 * RELOADS })
  for (const kind of daemons) {
    t.equal(
      house.audited(kind).filter(({ event }) => event === 'configuration-reloaded').length,
      RELOADS - 1,
    )
    t.equal(house.audited(kind).filter(({ event }) => event === 'configuration-refused').length, 1)
    await until(
      () => shownBy(double[kind].at.admin),
      ({ sessions }) => sessions.length === 0,
    )
    t.equal(house.program(kind).stderr, '')
  }
})
