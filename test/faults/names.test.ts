import type { Ticket } from '@doublehop/wire/ticket'
import { GatewayAccess } from '@doublehop/workspace/gateway-access'
import t, { type Test } from 'tap'
import { askAdmin } from '../kit/ask-admin.ts'
import { linesOf } from '../kit/daemon-process.ts'
import { faultTable } from '../kit/fault-tables.ts'
import { House, type Running } from '../kit/house.ts'
import { metricOf } from '../kit/metric.ts'
import { endpointOf } from '../kit/mortal-double-hop.ts'
import { atScale } from '../kit/nightly.ts'
import type { Row } from '../kit/tables.ts'
import { type Named, TroubledNames, withoutNames } from '../kit/troubled-names.ts'
import { until } from '../kit/wait.ts'
import { Witness } from '../kit/witness.ts'

const DIAL = 1500
const limits = { dial: `${DIAL} ms` }
/** What a busy machine may add. */
const SLACK = 3000
/** A name in each of these troubles. */
const SPELT: Readonly<Record<string, string>> = {
  'is unknown': 'unknown',
  'cannot be looked up': 'broken',
  'is looked up without an answer': 'hung',
}

/** Servers, a proxy and gateways that find each other by names; gateway and proxy are processes. */
class Scene {
  readonly proxy: Named
  readonly #test: Test
  readonly #house: House
  readonly #names: TroubledNames
  readonly #stas: readonly object[]
  readonly #storefront: Running
  #gateways = 0

  private constructor(
    test: Test,
    house: House,
    names: TroubledNames,
    stas: readonly object[],
    storefront: Running,
    proxy: Named,
  ) {
    this.#test = test
    this.#house = house
    this.#names = names
    this.#stas = stas
    this.#storefront = storefront
    this.proxy = proxy
  }

  static async set(t: Test): Promise<Scene> {
    const house = new House(t)
    const names = await TroubledNames.serve(t)
    const sta = await house.sta()
    const vda = await house.vda()
    const { port } = endpointOf(vda.where('echo.cgp'))
    const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
    const apps = ['well', 'well-too', ...Object.values(SPELT)].map((name) => ({
      name,
      cgpAddress: `${name}.example:${port}`,
    }))
    const storefront = await house.storefront(stas, apps)
    const proxy = await names.start(t, house, 'proxy', 'proxy', {
      listen: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      allow: { names: ['gateway'] },
      identity: house.identity('proxy'),
      grants: { keys: ['file:certs/proxy/grant.key'] },
      stas,
      allowLoopback: true,
      limits,
    })
    return new Scene(t, house, names, stas, storefront, proxy)
  }

  /** A gateway with these next hops in front of our proxy: names, by the names they are to be found under. */
  async gateway(hops: Readonly<Record<string, string>>): Promise<Named> {
    const { port } = endpointOf(this.proxy.where())
    return await this.#names.start(
      this.#test,
      this.#house,
      'gateway',
      `gateway-${++this.#gateways}`,
      {
        listen: '127.0.0.1:0',
        admin: '127.0.0.1:0',
        tls: { certificate: 'certs/gateway/tls.crt', key: 'certs/gateway/tls.key' },
        identity: this.#house.identity('gateway'),
        nextHops: Object.entries(hops).map(([name, host]) => ({
          name,
          address: `${host}:${port}`,
          serverName: '127.0.0.1',
        })),
        stas: this.#stas,
        storefronts: [{ address: this.#storefront.where() }],
        limits,
      },
    )
  }

  /** A client at the moment at which it has sent a ticket for this app. */
  async ask(gateway: Named, app: string): Promise<Witness> {
    const witness = await Witness.arrive(this.#access(gateway), await this.#ticket(gateway, app))
    witness.ask()
    return witness
  }

  async inSession(gateway: Named, app = 'well'): Promise<Witness> {
    return await Witness.inSession(this.#access(gateway), await this.#ticket(gateway, app))
  }

  #ticket(gateway: Named, app: string): Promise<Ticket> {
    return this.#house.ticket(this.#access(gateway), app)
  }

  #access(gateway: Named): GatewayAccess {
    const ca = `${this.#house.folder}/certs/workspace/ca.crt`
    return new GatewayAccess({ gateway: endpointOf(gateway.where()), ca })
  }
}

const rows = faultTable('A name in trouble')
const skip = withoutNames()

t.test('the name of a server', { skip }, async (t) => {
  const scene = await Scene.set(t)
  const gateway = await scene.gateway({ proxy: 'well.example' })
  const bystander = await scene.inSession(gateway)
  for (const row of rows.filter(({ of }) => of === 'server')) {
    await t.test(`${row['the name']}: ${row['client gets']} ${row.when}`, async (t) => {
      await refuses(t, scene, gateway, row, SPELT[row['the name'] ?? ''] ?? '')
      await failed(t, scene.proxy, row.proxy)
      t.ok(await bystander.echoes(), 'another session goes on')
    })
  }

  await t.test('that has no answer holds up no other server', async (t) => {
    const hung = await Promise.all(Array.from({ length: 8 }, () => scene.ask(gateway, 'hung')))
    const asked = performance.now()
    ;(await scene.inSession(gateway, 'well-too')).leave()
    t.ok(performance.now() - asked < SLACK, `${performance.now() - asked} ms`)
    for (const one of hung) t.equal(await one.fate(), '04')
  })
})

t.test('the name of a next hop', { skip }, async (t) => {
  const scene = await Scene.set(t)
  for (const row of rows.filter(({ of }) => of === 'next hop')) {
    const name = `${SPELT[row['the name'] ?? '']}.example`
    await t.test(`${row['the name']}: ${row['client gets']} ${row.when}`, async (t) => {
      const gateway = await scene.gateway({ proxy: name })
      await refuses(t, scene, gateway, row, 'well')
      const seen = await until(
        () => readyz(gateway),
        ({ status }) => status === 503,
      )
      t.match(seen, { ready: false, nextHops: { proxy: 'down' } })
    })

    await t.test(`${row['the name']}: the second next hop is taken`, async (t) => {
      const gateway = await scene.gateway({ proxy: name, second: 'well.example' })
      ;(await scene.inSession(gateway)).leave()
      const down = { ready: true, nextHops: { proxy: 'down', second: 'up' } }
      await until(
        () => readyz(gateway),
        ({ nextHops }) => nextHops.proxy === 'down',
      )
      // Its name is looked up every half second for the probes; that must not hold up the name of the other.
      for (let times = 0; times < atScale(3, 20); times++) {
        const asked = performance.now()
        ;(await scene.inSession(gateway)).leave()
        t.ok(performance.now() - asked < SLACK, 'a launch does not wait')
        t.match(await readyz(gateway), down)
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    })
  }
})

/** A launch is refused as the row says, in its time, and the gateway says why. */
async function refuses(
  t: Test,
  scene: Scene,
  gateway: Named,
  row: Row,
  app: string,
): Promise<void> {
  const witness = await scene.ask(gateway, app)
  const asked = performance.now()
  t.equal(await witness.fate(), row['client gets'])
  const milliseconds = performance.now() - asked
  const least = row.when === 'after dial' ? DIAL - 100 : 0
  t.ok(milliseconds >= least && milliseconds < least + SLACK, `${milliseconds} ms`)
  await failed(t, gateway, row.gateway)
}

/** The last launch that this daemon refused, it refused with this code, and counted. */
async function failed(t: Test, daemon: Named, code: string | undefined): Promise<void> {
  const refused = () => linesOf(daemon.program).filter(({ event }) => event === 'launch-failed')
  const lines = await until(refused, (all) => all.at(-1)?.code === code)
  const same = lines.filter((line) => line.code === code).length
  t.equal(
    await metricOf(daemon.where('admin'), 'doublehop_failures_total', `{code="${code}"}`),
    same,
  )
}

async function readyz(
  gateway: Named,
): Promise<{ status: number; nextHops: Record<string, string> }> {
  const response = await askAdmin(gateway.where('admin'), '/readyz')
  const { nextHops } = (await response.json()) as { nextHops: Record<string, string> }
  return { status: response.status, nextHops, ready: response.status === 200 } as never
}
