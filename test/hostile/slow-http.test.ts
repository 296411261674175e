import { setTimeout as delay } from 'node:timers/promises'
import { STA_PATH } from '@doublehop/wire/sta-messages'
import t from 'tap'
import { askAdmin } from '../kit/ask-admin.ts'
import { attempt } from '../kit/attempt.ts'
import { type DoubleHop, House, type Running } from '../kit/house.ts'
import { atScale } from '../kit/nightly.ts'
import { SLOW, slowHttpTest } from '../kit/slow-http-test.ts'
import { missing } from '../kit/tools.ts'
import { until } from '../kit/wait.ts'

const skip = missing('slowhttptest')
/** Of each of the three attacks on a target. */
const CONNECTIONS = atScale(15, 60)
const PATIENCE_MILLISECONDS = atScale(120_000, 600_000)
t.setTimeout(PATIENCE_MILLISECONDS)

const TARGETS = {
  'the STA by HTTPS': ({ sta }: DoubleHop) => `https://${sta.where()}${STA_PATH}`,
  'the STA by HTTP': ({ sta }: DoubleHop) => `http://${sta.where('listenHttp')}${STA_PATH}`,
  'the storefront through the gateway': ({ gateway }: DoubleHop) =>
    `https://${gateway.where()}/apps`,
}

t.test('slowhttptest', { skip, timeout: PATIENCE_MILLISECONDS }, async (t) => {
  // All attackers have one address here: what holds one source back would hide what the daemons bear.
  const noneApart = { sessionsPerSource: 'off' }
  const house = new House(t)
  const hop = await house.doubleHop({
    sta: { listenHttp: '127.0.0.1:0', limits: { request: '3 s' } },
    storefront: { limits: { request: '3 s', ...noneApart } },
    gateway: { limits: { ...noneApart, handshakesPerSource: 'off' } },
  })
  const { sta, gateway, storefront, proxy, access, ticket } = hop
  const daemons = { sta, gateway, storefront, proxy }
  await ticket()
  const quiet = await counts(daemons)

  for (const [target, urlOf] of Object.entries(TARGETS)) {
    t.test(`at ${target} ends, and meanwhile everybody launches`, async (t) => {
      let underWay = 0
      const attack = async (kind: keyof typeof SLOW) => {
        underWay++
        const seconds = kind === 'read' ? atScale(4, 60) : 60
        const options = { connections: CONNECTIONS, seconds }
        const outcome = await slowHttpTest(t, SLOW[kind], urlOf(hop), options)
        underWay--
        return outcome
      }
      const attacks = Promise.all([attack('headers'), attack('body'), attack('read')])
      const failure = attacks.then(() => new Promise<never>(() => {}))
      const launches: string[] = []
      while (underWay > 0) {
        const fresh = await Promise.race([ticket(), failure])
        launches.push((await attempt(access, fresh)).outcome)
        await delay(200)
      }
      const [headers, body, read] = await attacks
      const closed = { end: 'No open connections left', available: true }
      t.match(headers, closed, 'slow headers: all were closed, and a good request was answered')
      t.match(body, closed, 'slow body')
      // What was written for a slow reader lies in the kernel; that it goes is what the last test looks at.
      t.match(read, { available: true }, 'slow read')
      t.same(new Set(launches), new Set(['connected']), `${launches.length} launches`)
    })
  }

  t.test('leaves no connection', async (t) => {
    // The daemons' own connections to the STA come and go.
    const isQuiet = (seen: Counts): boolean =>
      Object.entries(seen).every(([name, count]) => count <= (quiet[name] ?? 0))
    t.ok(isQuiet(await until(() => counts(daemons), isQuiet, 20_000)))
  })
})

type Counts = Readonly<Record<string, number>>

/** How many connections of clients each daemon has, in whatever state. */
async function counts(daemons: Readonly<Record<string, Running>>): Promise<Counts> {
  const count = async ([name, daemon]: [string, Running]) => {
    const shown = (await (await askAdmin(daemon.where('admin'), '/sessions')).json()) as object
    const { hopConnections: _, ...ofClients } = shown as Record<string, unknown>
    const open = Object.values(ofClients).map((of) => (Array.isArray(of) ? of.length : Number(of)))
    return [name, open.reduce((sum, many) => sum + many, 0)] as const
  }
  return Object.fromEntries(await Promise.all(Object.entries(daemons).map(count)))
}
