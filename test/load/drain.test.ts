import t from 'tap'
import { askAdmin, shownBy } from '../kit/ask-admin.ts'
import { inTurns, Member, tally } from '../kit/crowd.ts'
import { Hop } from '../kit/hop.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { atScale } from '../kit/nightly.ts'
import { until } from '../kit/wait.ts'

const SESSIONS = 50
const BYTES = atScale(1_048_576, 16_777_216)
const PIECES = 8

for (const daemon of ['gateway', 'proxy'] as const) {
  t.test(`the ${daemon} drains under load: every transfer comes to its end`, async (t) => {
    const house = new HouseToReload(t, [daemon])
    const double = await house.doubleHop()
    const program = house.program(daemon)
    const crowd = await inTurns(SESSIONS, 8, (at) =>
      Member.join(double, `${daemon} ${at}`, BYTES, PIECES),
    )
    await Promise.all(crowd.map((member) => member.sendOne()))
    const transfers = crowd.map(async (member) => {
      for (let piece = 1; piece < PIECES; piece++) await member.sendOne()
    })
    program.signal('SIGTERM')
    await until(
      () => askAdmin(double[daemon].at.admin, '/readyz'),
      ({ status }) => status === 503,
    )
    const knock = (): Promise<unknown> =>
      daemon === 'gateway' ? double.access.dial() : Hop.open(house, double.proxy)
    await t.rejects(knock(), 'nothing new is taken')
    await Promise.all(transfers)
    t.equal((await shownBy(double[daemon].at.admin)).sessions.length, SESSIONS, 'all are there')

    t.same(tally(await Promise.all(crowd.map((member) => member.finish()))), {
      'intact, clean': SESSIONS,
    })
    t.match(await program.ended, { code: 0, signal: null, stderr: '' })
  })
}
