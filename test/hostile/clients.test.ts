import { readdirSync } from 'node:fs'
import type { Ticket } from '@doublehop/wire/ticket'
import type { GatewayAccess } from '@doublehop/workspace/gateway-access'
import { launch } from '@doublehop/workspace/launch'
import t from 'tap'
import { askAdmin } from '../kit/ask-admin.ts'
import { HostileClients } from '../kit/hostile-clients.ts'
import { HouseOfProcesses } from '../kit/house-of-processes.ts'
import { atScale } from '../kit/nightly.ts'
import { until } from '../kit/wait.ts'

const CLIENTS = 2000
const SOURCES = Array.from({ length: 32 }, (_, n) => `127.0.1.${n + 1}`)
const LAUNCHES = 200
/** The machine has other things to do, and what it does meanwhile is not the gateway's doing. */
const TRIES = atScale(3, 5)
const PATIENCE_MILLISECONDS = 115_000
const KINDS = ['gateway', 'proxy', 'storefront', 'sta', 'vda'] as const

t.test(
  '2,000 silent, garbage and byte-per-second clients from 32 addresses, and 200 launches among them',
  { timeout: PATIENCE_MILLISECONDS },
  async (t) => {
    const house = new HouseOfProcesses(t, KINDS)
    const { gateway, access, ticket } = await house.doubleHop()
    const gatewayHandles = () => handles(house.program('gateway').pid)
    await launches(access, await tickets(ticket, 20))
    const before = await quietCounts(gateway.where('admin'), gatewayHandles)

    let verdict: string[] = []
    for (let tries = 1; tries <= TRIES; tries++) {
      const quiet = await launches(access, await tickets(ticket, LAUNCHES))
      const attackedTickets = await tickets(ticket, LAUNCHES)
      const clients = new HostileClients(t, {
        at: gateway.at.listen ?? { host: '', port: 0 },
        clients: CLIENTS,
        from: SOURCES,
      })
      await until(
        () => clients.last,
        ({ opened }) => opened >= CLIENTS,
        30_000,
      )
      const underAttack = await counts(gateway.where('admin'), gatewayHandles)
      const attacked = await launches(access, attackedTickets)
      const { open, opened } = clients.last
      await clients.stop()

      t.comment(`try ${tries}: quiet ${tell(quiet)}; attacked ${tell(attacked)}`)
      t.comment(`${open} of ${opened} hostile connections open, ${JSON.stringify(underAttack)}`)
      t.ok(underAttack.handshakes > CLIENTS / 2, 'they are there while it is measured')
      t.equal(attacked.length, LAUNCHES, 'every launch goes through')
      verdict = judge(quiet, attacked)
      if (verdict.length === 0) break
    }
    t.same(verdict, [], 'p50 at most doubles, p99 at most trebles or is below 250 ms')

    const after = await until(
      () => counts(gateway.where('admin'), gatewayHandles),
      (seen) => isAtMost(seen, before),
      30_000,
    )
    t.comment(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`)
    t.ok(isAtMost(after, before), 'sessions, handshakes and handles are what they were')
  },
)

/** Tickets of the storefront, several at a time. */
async function tickets(ticket: () => Promise<Ticket>, count: number): Promise<Ticket[]> {
  const all: Ticket[] = []
  while (all.length < count) all.push(...(await Promise.all(Array.from({ length: 10 }, ticket))))
  return all.slice(0, count)
}

/** One launch after the other. @returns how long each took, from its connection to its answer, sorted */
async function launches(access: GatewayAccess, all: readonly Ticket[]): Promise<number[]> {
  const took: number[] = []
  for (const ticket of all) {
    const since = performance.now()
    const { leg } = await launch(access, { ticket, port: 2598, protocol: 'socks' })
    took.push(performance.now() - since)
    leg.destroy()
  }
  return took.toSorted((a, b) => a - b)
}

function judge(quiet: readonly number[], attacked: readonly number[]): string[] {
  const most50 = 2 * percentile(quiet, 50)
  const most99 = Math.max(3 * percentile(quiet, 99), 250)
  return [
    ...(percentile(attacked, 50) > most50 ? [`p50 is above ${most50.toFixed(1)} ms`] : []),
    ...(percentile(attacked, 99) > most99 ? [`p99 is above ${most99.toFixed(1)} ms`] : []),
  ]
}

function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN
}

function tell(sorted: readonly number[]): string {
  const [p50, p99] = [percentile(sorted, 50), percentile(sorted, 99)]
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
}

type Counts = Readonly<Record<'sessions' | 'handshakes' | 'http' | 'handles', number>>

async function counts(admin: string, handles: () => number): Promise<Counts> {
  const shown = await (await askAdmin(admin, '/sessions')).json()
  const { sessions, handshakes, http } = shown as Record<string, unknown[]>
  const many = (list: unknown[] | undefined): number => list?.length ?? 0
  return {
    sessions: many(sessions),
    handshakes: many(handshakes),
    http: many(http),
    handles: handles(),
  }
}

/** The same with no client there, and connections to the next hop and to the admin listener as they come and go. */
async function quietCounts(admin: string, handles: () => number): Promise<Counts> {
  const quiet = await until(
    () => counts(admin, handles),
    (seen) => seen.sessions + seen.handshakes + seen.http === 0,
  )
  return { ...quiet, handles: quiet.handles + 2 }
}

function isAtMost(seen: Counts, most: Counts): boolean {
  return (Object.keys(most) as (keyof Counts)[]).every((what) => seen[what] <= most[what])
}

/** Open files and sockets of a process. */
function handles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
