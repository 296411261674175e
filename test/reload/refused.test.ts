import t from 'tap'
import { badFiles } from '../kit/configurations.ts'
import type { Kind } from '../kit/house.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { metricOf } from '../kit/metric.ts'
import { echoOf, openSession } from '../kit/sessions.ts'

const DAEMONS = ['gateway', 'proxy', 'storefront', 'sta', 'vda'] as const satisfies Kind[]
const SUCCESSFUL = 'doublehop_config_last_reload_successful'

const house = new HouseToReload(t, DAEMONS)
const double = await house.doubleHop()

for (const kind of DAEMONS) {
  t.test(`the ${kind} takes a file whole or not at all`, async (t) => {
    const session = await openSession(double)
    const taken = await takenAt(kind)
    for (const { what, text, code, told } of badFiles(house, kind)) {
      const line = await house.hangUp(kind, text)
      t.match(line, { event: 'reload-refused', level: 'error', code, msg: told }, what)
      t.match(line, { msg: /^not reloaded, the configuration before stays: /, action: /\w/ })
      t.match(house.audited(kind).at(-1), { event: 'configuration-refused', code })
      t.equal(await metricOf(double[kind].at.admin, SUCCESSFUL), 0)
      t.equal(await echoOf(session, what), what, 'the session notices nothing')
    }
    t.equal(await takenAt(kind), taken, 'what is at work was read at the start')
    const launched = await openSession(double)
    t.equal(await echoOf(launched, 'new'), 'new', 'it launches as before')

    t.match(await house.hangUp(kind, house.textOf(kind)), { event: 'reloaded' })
    t.equal(await metricOf(double[kind].at.admin, SUCCESSFUL), 1)
    t.ok((await takenAt(kind)) > taken)
    t.match(house.audited(kind).at(-1), { event: 'configuration-reloaded' })
    t.equal(house.program(kind).stderr, '')
    session.destroy()
    launched.destroy()
  })
}

/** When the configuration that is at work was read. */
async function takenAt(kind: Kind): Promise<number> {
  const name = 'doublehop_config_last_reload_success_timestamp_seconds'
  return (await metricOf(double[kind].at.admin, name)) ?? 0
}
