import type { Test } from 'tap'
import { acceptedAt } from './accepted.ts'
import { askAdmin } from './ask-admin.ts'
import { failuresOf } from './failures.ts'
import type { Kind, Running } from './house.ts'
import { LimitScene, type Limits } from './limit-scene.ts'
import { until } from './wait.ts'

/** One limit: what a client does to reach it, and what comes of it. */
export interface LimitRow {
  /** its place in `doublehop.yaml` */
  readonly limit: `${Kind}.limits.${string}`
  /** what it is set to for the test; a few further limits of that daemon keep out of its way */
  readonly set: Readonly<Record<string, string | number>>
  /** what the client does */
  readonly client: string
  /** what it gets */
  readonly gets: string
  /** as metric and log say it: an error code or the reason of a close; `nothing` for what is no refusal */
  readonly code: string
  /** the daemon by itself is enough */
  readonly alone?: boolean
  /** limits of other daemons */
  readonly others?: Limits
  /** further keys of sections */
  readonly more?: Limits
  /** what stands around the daemon, where it is neither nothing nor all */
  readonly scene?: (t: Test, limits: object) => Promise<LimitScene>
  /** what the log says of it besides its code */
  readonly says?: RegExp
  /** Goes beyond it, and tells what the client got. */
  beyond(scene: LimitScene): Promise<string>
  /** Stays just below it, or at it, and tells what the client got: `served` where all is well. */
  below(scene: LimitScene): Promise<string>
}

/** A machine that stands still for a moment may let a client be late that was in time. */
const TRIES = 3

/** Both sides of every limit: it fires, and it does not fire just below. */
export function holdLimits(t: Test, rows: readonly LimitRow[]): void {
  for (const row of rows) {
    const { limit, set, client, gets, code } = row
    t.test(`${limit}, ${JSON.stringify(set)}`, async (t) => {
      t.test(`beyond: ${client}: ${gets}, ${code}`, (t) => fires(t, row))
      t.test('just below: served', async (t) => {
        let got = ''
        for (let tries = 0; got !== 'served' && tries < TRIES; tries++)
          got = await row.below(await sceneFor(t, row))
        t.equal(got, 'served')
      })
    })
  }
}

async function fires(t: Test, row: LimitRow): Promise<void> {
  const [kind] = row.limit.split('.') as [Kind]
  const scene = await sceneFor(t, row)
  const daemon = scene.daemon(kind)
  const quiet = await rest(daemon)
  const before = await countOf(daemon, row.code)
  const lines = scene.house.log.length

  t.equal(await row.beyond(scene), row.gets)
  scene.leave()

  if (row.code !== 'nothing') {
    await until(
      () => countOf(daemon, row.code),
      (count) => count > before,
    )
    t.ok((await countOf(daemon, row.code)) > before, 'the metric says which limit it was')
    const said = scene.house.log
      .slice(lines)
      .filter((line) => line.daemon === kind && [line.code, line.reason].includes(row.code))
    t.match(said[0], { msg: row.says ?? /./ }, 'so does the log')
    t.ok(said.length > 0 && said.every(({ level }) => level !== 'debug'))
  }
  const isQuiet = (seen: Counts): boolean =>
    Object.keys(seen).every((what) => (seen[what] ?? 0) <= (quiet[what] ?? 0))
  const after = await until(() => counts(daemon), isQuiet, 15_000)
  t.ok(isQuiet(after), 'and counts are what they were')
}

async function sceneFor(t: Test, row: LimitRow): Promise<LimitScene> {
  const [kind] = row.limit.split('.') as [Kind]
  if (row.scene) return await row.scene(t, row.set)
  if (row.alone) return await LimitScene.alone(t, kind, row.set, row.more?.[kind])
  return await LimitScene.whole(t, { ...row.others, [kind]: row.set }, row.more)
}

type Counts = Readonly<Record<string, number>>

/** Sessions, handshakes and connections of a daemon, and the sockets that it has accepted. */
async function counts({ at, where, metrics }: Running): Promise<Counts> {
  const shown = (await (await askAdmin(where('admin'), '/sessions')).json()) as object
  const lists = Object.entries(shown).map(([what, list]) => [
    what,
    Array.isArray(list) ? list.length : Number(list),
  ])
  const gauge = await metrics.registry.getSingleMetric('doublehop_sessions')?.get()
  const ports = Object.entries(at).flatMap(([name, { port }]) => (name === 'admin' ? [] : port))
  const sockets = ports.reduce((sum, port) => sum + acceptedAt(port), 0)
  return { ...Object.fromEntries(lists), gauge: gauge?.values[0]?.value ?? 0, sockets }
}

/** The same while nothing goes on: probes come and go, so the least of a few looks. */
async function rest(daemon: Running): Promise<Counts> {
  let least = await until(
    () => counts(daemon),
    ({ sessions }) => sessions === 0,
  )
  for (let look = 0; look < 4; look++) {
    const seen = await counts(daemon)
    const smaller = Object.entries(least).map(([what, n]) => [what, Math.min(n, seen[what] ?? 0)])
    least = Object.fromEntries(smaller)
  }
  return least
}

/** How often a daemon failed with this code, or a session or HTTP connection was closed for this reason. */
async function countOf({ metrics }: Running, code: string): Promise<number> {
  let count = (await failuresOf(metrics))[code] ?? 0
  for (const name of ['doublehop_sessions_closed_total', 'doublehop_http_connections_total']) {
    const closed = await metrics.registry.getSingleMetric(name)?.get()
    count += closed?.values.find(({ labels }) => labels.reason === code)?.value ?? 0
  }
  return count
}
