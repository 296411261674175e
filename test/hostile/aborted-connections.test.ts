import { readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { createSecureContext } from 'node:tls'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { Ticket } from '@doublehop/wire/ticket'
import t, { type Test } from 'tap'
import { Aborting, KINDS, STAGES, type Stage } from '../kit/aborting.ts'
import { type Shown, shownBy } from '../kit/ask-admin.ts'
import { FullQueue } from '../kit/full-queue.ts'
import type { House, Running } from '../kit/house.ts'
import { HouseOfProcesses } from '../kit/house-of-processes.ts'
import { buffersInUse, heapInUse } from '../kit/memory.ts'
import { atScale } from '../kit/nightly.ts'
import { StaCaller } from '../kit/sta-caller.ts'
import { until } from '../kit/wait.ts'

/** Aborted connections of each stage and kind; in the night a launch is too dear for more than 10,000 of a stage. */
const COUNT: Readonly<Record<Stage, number>> = {
  handshake: atScale(100, 10_000),
  'ticket wait': atScale(100, 10_000),
  dial: atScale(100, 3_400),
  spliced: atScale(100, 3_400),
}
/** So many at once. */
const BATCH = 100
/** What goes before, so that whatever is kept once is there. */
const WARMTH = atScale(30, 300)
/** Connections to the STA rest for a while, and one of each hop is open ahead; both ends of all are in here. */
const RESTING = 24
/** What may come and go without being a loss. */
const SLACK_BYTES = atScale(2_000_000, 5_000_000)

/** The limit that ends who vanishes, by stage: those of the gateway, and those of the proxy. */
const LIMIT: Readonly<Record<Stage, { gateway?: object; proxy?: object }>> = {
  handshake: { gateway: { tlsHandshake: '300 ms' } },
  'ticket wait': { gateway: { firstFlight: '300 ms' } },
  dial: { proxy: { dial: '300 ms' } },
  spliced: { gateway: { idle: '300 ms' } },
}
/** What must not end anybody here, however busy the machine. */
const PATIENT = {
  ...{ tlsHandshake: '30 s', staRequest: '30 s', dial: '30 s', launch: '60 s' },
  ...{ sessionsPerSource: 'off', handshakesPerSource: 'off' },
}

const PATIENCE_MILLISECONDS = atScale(120_000, 1_500_000)
t.setTimeout(PATIENCE_MILLISECONDS)

t.test('aborted connections leave nothing', { timeout: PATIENCE_MILLISECONDS }, async (t) => {
  const house = new HouseOfProcesses(t, ['sta'])
  const sta = await house.sta()
  const storefront = new StaCaller(t, house, 'storefront')
  const server = await openServer(t)
  const deaf = await FullQueue.before(t, server)
  const context = createSecureContext({ ca: house.read('workspace/ca.crt') })

  /** A ticket for a server that answers, or for one that does not; without one the client waits to be asked. */
  const ticketFor = async (stage: Stage): Promise<Ticket | undefined> => {
    if (stage === 'handshake' || stage === 'ticket wait') return undefined
    const value = stage === 'dial' ? deaf.where : formatEndpoint(server)
    return new Ticket(40, await storefront.issue(sta, [{ name: 'CGPAddress', value }]))
  }

  for (const stage of STAGES) {
    for (const kind of KINDS) {
      t.test(`${COUNT[stage]} in ${stage} by ${kind}`, async (t) => {
        const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
        // Behind a whole request a FIN is half an end, and the dial goes on.
        const isLimited = kind === 'vanish' || (stage === 'dial' && kind === 'FIN')
        const limit = isLimited ? LIMIT[stage] : undefined
        const proxy = await house.proxy(stas, { limits: { ...PATIENT, ...limit?.proxy } })
        const hops = [{ name: 'proxy', address: proxy.where() }]
        const limits = { ...PATIENT, firstFlight: '30 s', failureDelay: 'off', ...limit?.gateway }
        const gateway = await house.gateway(stas, hops, { limits })

        const abort = async (count: number): Promise<void> => {
          const tickets = await Promise.all(Array.from({ length: count }, () => ticketFor(stage)))
          const at = gateway.at.listen as Endpoint
          const clients = tickets.map(
            () => new Aborting(at, stage === 'handshake' ? undefined : context),
          )
          await Promise.all(clients.map((client, one) => client.reach(stage, tickets[one])))
          // Whom a limit ends is ended at its own time, while others still come.
          if (limit === undefined) await allIn(stage, count, gateway, proxy)
          for (const client of clients) client.leave(kind)
          await Promise.all(clients.map(({ gone }) => gone))
          await until(
            async () => (await states(gateway, proxy)).flat(),
            (seen) => seen.length === 0,
            20_000,
          )
          forget(house)
        }

        await abort(WARMTH)
        const before = inUse()
        for (let left = COUNT[stage]; left > 0; left -= BATCH) await abort(Math.min(left, BATCH))
        const isBack = ({ handles, timers, files }: InUse): boolean =>
          handles <= before.handles + RESTING &&
          timers <= before.timers + RESTING &&
          files <= before.files + RESTING
        const after = await until(inUse, isBack)
        t.ok(after.heap - before.heap < SLACK_BYTES, `heap ${difference(before.heap, after.heap)}`)
        t.ok(
          after.buffers - before.buffers < SLACK_BYTES,
          `buffers ${difference(before.buffers, after.buffers)}`,
        )
        t.comment(
          `handles ${before.handles} → ${after.handles}, timers ${before.timers} → ${after.timers}, ` +
            `files ${before.files} → ${after.files}, resident ${difference(before.resident, after.resident)}`,
        )
        await gateway.close()
        await proxy.close()
      })
    }
  }
})

interface InUse {
  readonly handles: number
  readonly timers: number
  readonly files: number
  readonly heap: number
  readonly buffers: number
  readonly resident: number
}

/** What this process holds, and with it gateway and proxy. */
function inUse(): InUse {
  const kinds = process.getActiveResourcesInfo()
  return {
    handles: kinds.filter((kind) => kind !== 'Timeout').length,
    timers: kinds.filter((kind) => kind === 'Timeout').length,
    files: readdirSync(process.platform === 'linux' ? '/proc/self/fd' : '/dev/fd').length,
    heap: heapInUse(),
    buffers: buffersInUse(),
    resident: process.memoryUsage.rss(),
  }
}

/** What gateway and proxy know of clients: a session each, or what has not come so far. */
async function states(gateway: Running, proxy: Running): Promise<[object[], object[]]> {
  const [near, far] = await Promise.all([gateway, proxy].map(({ at }) => shownBy(at.admin)))
  const all = (shown: Shown | undefined): object[] => [
    ...(shown?.sessions ?? []),
    ...(shown?.handshakes ?? []),
  ]
  return [all(near), (far?.sessions ?? []) as object[]]
}

/** Waits until all of them have come as far as this. */
async function allIn(stage: Stage, count: number, gateway: Running, proxy: Running): Promise<void> {
  const isDialling = (session: object): boolean => 'step' in session && session.step === '6 dial'
  const arrived = async (): Promise<number> => {
    const [near, far] = await states(gateway, proxy)
    if (stage === 'dial') return far.filter(isDialling).length
    return near.length
  }
  await until(arrived, (seen) => seen >= count, 30_000)
}

/** The lines that the house keeps are the test's, and would be taken for a loss. */
function forget({ log, audit }: House): void {
  log.length = 0
  audit.length = 0
}

/** A server that says nothing, keeps nothing, and ends when its client does. */
async function openServer(t: Test): Promise<Endpoint> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket
      .on('error', () => {})
      .on('end', () => socket.end())
      .resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  return { host: '127.0.0.1', port }
}

function difference(before: number, after: number): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
  return `${megabytes(before)} → ${megabytes(after)} MB`
}
