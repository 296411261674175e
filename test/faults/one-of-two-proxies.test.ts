import t, { type Test } from 'tap'
import { askAdmin } from '../kit/ask-admin.ts'
import { freePort } from '../kit/free-port.ts'
import { House, publish, type Running } from '../kit/house.ts'
import { Mortal } from '../kit/mortal.ts'
import { until } from '../kit/wait.ts'
import { Witness } from '../kit/witness.ts'

const LIMIT = 2000
const limits = { staRequest: `${LIMIT} ms`, dial: `${LIMIT} ms` }
/** What a launch may take that waits for nothing, on a busy machine. */
const AT_ONCE = 1900
const NOTICED = 2000
/** What a busy machine may add. */
const SLACK = 2000

t.jobs = 2
for (const redeemAt of ['gateway', 'proxy'] as const) {
  t.test(`redeemAt: ${redeemAt}: of two proxies the first dies`, { buffered: true }, async (t) => {
    const { first, launch, hops, through } = await twoProxies(t, redeemAt)
    const elsewhere = await through('second')
    const here = await launch()
    await first.kill()
    const next = await launch()
    t.ok(next.milliseconds < AT_ONCE, `the next launch goes on at once: ${next.milliseconds} ms`)
    t.equal(next.hop, 'second')
    t.notOk(await here.session.echoes(), 'a session through it ends')
    t.ok(await elsewhere.echoes(), 'a session through the other one goes on')
    t.ok(await next.session.echoes())

    await first.start()
    await until(hops, ({ first }) => first === 'up', NOTICED + SLACK)
    t.equal((await launch()).hop, 'first', 'and it is preferred again when it is back')
  })

  t.test(
    `redeemAt: ${redeemAt}: of two proxies the first freezes`,
    { buffered: true },
    async (t) => {
      const { first, launch, hops, through, begin } = await twoProxies(t, redeemAt)
      const elsewhere = await through('second')
      const here = await launch()
      first.freeze()
      const frozen = performance.now()
      const early = await begin()
      await until(hops, ({ first }) => first === 'down', NOTICED + SLACK)
      t.ok(performance.now() - frozen < NOTICED + SLACK, 'it is noticed within two seconds')
      t.match(await early.fate(), /^(session|04)$/, 'who came before that has an answer')
      t.ok(performance.now() - frozen < 3 * LIMIT + SLACK, 'within the limits')

      const next = await launch()
      t.ok(next.milliseconds < AT_ONCE, `then launches go on at once: ${next.milliseconds} ms`)
      t.equal(next.hop, 'second')
      t.ok(await elsewhere.echoes(), 'a session through the other one goes on')

      first.thaw()
      t.ok(await here.session.echoes(), 'a session through it goes on where it stood')
      await until(hops, ({ first }) => first === 'up', NOTICED + SLACK)
      t.equal((await launch()).hop, 'first', 'and it is preferred again')
    },
  )
}

interface Launched {
  readonly session: Witness
  /** through which proxy */
  readonly hop: string
  readonly milliseconds: number
}

/** A gateway before two proxies, the first of them a process. */
async function twoProxies(t: Test, redeemAt: string) {
  const house = new House(t)
  const sta = await house.sta()
  const vda = await house.vda()
  const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
  const first = await new Mortal(t, house, 'proxy', {
    listen: `127.0.0.1:${await freePort()}`,
    allow: { names: ['gateway'] },
    identity: house.identity('proxy'),
    grants: { keys: ['file:certs/proxy/grant.key'] },
    stas,
    allowLoopback: true,
    limits,
  }).start()
  const second = await house.proxy(stas)
  const storefront = await house.storefront(stas, publish(vda))
  const storefronts = [{ address: storefront.where() }]
  const both = [
    { name: 'first', address: first.where() },
    { name: 'second', address: second.where() },
  ]
  const gatewayTo = (hops: object[], more: object = {}): Promise<Running> =>
    house.gateway(stas, hops, { storefronts, redeemAt, ...more })
  const gateway = await gatewayTo(both, { limits })
  const access = house.access(gateway)

  const launch = async (): Promise<Launched> => {
    const ticket = await house.ticket(access)
    const asked = performance.now()
    const session = await Witness.inSession(access, ticket)
    const milliseconds = performance.now() - asked
    const step = house.log.findLast(({ event, step }) => event === 'step' && step === 7)
    return { session, milliseconds, hop: /vda → (\w+) →/.exec(String(step?.route))?.[1] ?? '' }
  }
  const begin = async (): Promise<Witness> => {
    const witness = await Witness.arrive(access, await house.ticket(access))
    witness.ask()
    return witness
  }
  const through = async (name: string): Promise<Witness> => {
    const other = house.access(await gatewayTo(both.filter((hop) => hop.name === name)))
    return await Witness.inSession(other, await house.ticket(other))
  }
  const hops = async (): Promise<Record<string, string>> => {
    const body = (await (await askAdmin(gateway.at.admin, '/readyz')).json()) as {
      nextHops: Record<string, string>
    }
    return body.nextHops
  }
  return { first, launch, begin, through, hops }
}
