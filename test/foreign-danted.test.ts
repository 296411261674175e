import { randomBytes } from 'node:crypto'
import { STEPS } from '@doublehop/daemon/steps'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { askAdmin, shownBy } from './kit/ask-admin.ts'
import { startDanted } from './kit/danted.ts'
import { House, publish, type Running } from './kit/house.ts'
import { exchange } from './kit/session.ts'
import { missing } from './kit/tools.ts'
import { until } from './kit/wait.ts'

const LAUNCH = { port: 2598, protocol: 'socks' } as const
const CANNOT_BE_REACHED = { code: 'DH_SOCKS_UNREACHABLE', details: { reply: 4 } }

t.test('a gateway whose second hop is danted', { skip: missing('danted') }, async (t) => {
  t.test('launches with an STA that it reaches by TLS from end to end', async (t) => {
    const { house, access, ticket } = await houseWithDanted(t)
    const { leg } = await launch(access, { ...LAUNCH, ticket: await ticket() })
    const bytes = randomBytes(1_000_000)
    t.ok((await exchange(leg, bytes)).equals(bytes), 'every byte came back in order')

    const steps = house.steps()
    t.same(
      steps.map(({ name, daemon }) => `${daemon} ${name}`),
      STEPS.map((name) => `gateway ${name}`),
    )
    t.match(steps[1], { route: 'gateway → danted → sta', detail: /^STA01, SOCKS5 over plain TCP/ })
    t.match(steps[2], { route: 'gateway → sta', detail: 'STA01: ticket known, unused' })
    t.match(steps[5], { route: 'danted → vda', detail: 'not observed' })
    t.equal(new Set(steps.map(({ session }) => session)).size, 1, 'all in the name of one session')
    const redeemed = house
      .events('ticket-redeemed')
      .map(({ peerName, session }) => [peerName, session])
    t.same(redeemed, [['gateway', steps[0]?.session]], 'for who it is')
  })

  t.test('launches with an STA that knows it by its network alone, over plain HTTP', async (t) => {
    const overHttp = { listenHttp: '127.0.0.1:0', redeemers: { networks: ['127.0.0.1'] } }
    const { house, access, ticket } = await houseWithDanted(t, { sta: overHttp, scheme: 'http' })
    const { leg } = await launch(access, { ...LAUNCH, ticket: await ticket() })
    t.equal(String(await exchange(leg, Buffer.from('over plain HTTP'))), 'over plain HTTP')
    t.match(house.steps()[2], { route: 'gateway → sta', detail: 'STA01: ticket known, unused' })
    t.same(
      house.events('ticket-redeemed').map(({ peer, peerName }) => [peer, peerName]),
      [['127.0.0.1', undefined]],
    )
  })

  t.test('redeems each ticket once', async (t) => {
    const { house, access, ticket } = await houseWithDanted(t)
    const twice = await ticket()
    const { leg } = await launch(access, { ...LAUNCH, ticket: twice })
    t.equal(String(await exchange(leg, Buffer.from('once'))), 'once')
    await t.rejects(launch(access, { ...LAUNCH, ticket: twice }), { code: 'DH_SOCKS_DENIED' })
    t.same(failures(house), ['DH_TICKET_USED in step 3'])
  })

  t.test('answers 04 when danted finds nothing at the address of the ticket', async (t) => {
    const { house, access, ticket, vda } = await houseWithDanted(t)
    const toNobody = await ticket()
    await vda.close()
    await t.rejects(launch(access, { ...LAUNCH, ticket: toNobody }), CANNOT_BE_REACHED)
    t.same(failures(house), ['DH_SOCKS_UNREACHABLE in step 7'])
    t.match(house.events('launch-failed')[0]?.msg, /reply 5/)
  })

  t.test(
    'answers 04 when danted finds nothing where the STA was, and leaves the ticket unused',
    async (t) => {
      const { house, access, ticket, sta, gateway } = await houseWithDanted(t)
      const unused = await ticket()
      await sta.close()
      await keptConnectionsEnd(gateway)
      await t.rejects(launch(access, { ...LAUNCH, ticket: unused }), CANNOT_BE_REACHED)
      t.same(failures(house), ['DH_STA_UNREACHABLE in step 2'])
      t.same(house.events('ticket-redeemed'), [])
    },
  )

  t.test('answers 02 when danted may not carry it to the STA', async (t) => {
    const { house, access, ticket } = await houseWithDanted(t, { dantedCarriesTo: ['10.0.0.0/8'] })
    await t.rejects(launch(access, { ...LAUNCH, ticket: await ticket() }), {
      code: 'DH_SOCKS_DENIED',
    })
    t.same(failures(house), ['DH_SOCKS_DENIED in step 2'])
  })

  t.test('answers 04 and is not ready once danted was killed', async (t) => {
    const { house, access, ticket, gateway, danted } = await houseWithDanted(t)
    const unused = await ticket()
    t.equal((await askAdmin(gateway.at.admin, '/readyz')).status, 200)
    await danted.program.stop('SIGKILL')
    await keptConnectionsEnd(gateway)
    await t.rejects(launch(access, { ...LAUNCH, ticket: unused }), CANNOT_BE_REACHED)
    t.same(failures(house), ['DH_HOP_NONE in step 2'])
    t.same(house.events('ticket-redeemed'), [])
    await until(
      async () => (await askAdmin(gateway.at.admin, '/readyz')).status,
      (status) => status === 503,
    )
  })
})

interface Wanted {
  readonly sta?: object
  readonly scheme?: 'http' | 'https'
  readonly dantedCarriesTo?: readonly string[]
}

/** STA, VDA and storefront, and a gateway that reaches the first two through danted only. */
async function houseWithDanted(
  t: Test,
  { sta: more, scheme = 'https', dantedCarriesTo }: Wanted = {},
) {
  const house = new House(t)
  const danted = await startDanted(t, dantedCarriesTo)
  const sta = await house.sta({ redeemers: { names: ['gateway'] }, ...more })
  const vda = await house.vda()
  // Not from danted's address: who may redeem from there must not issue.
  const storefront = await house.storefront(
    [{ id: 'STA01', urls: [`https://${sta.where()}`] }],
    publish(vda),
    { addresses: { v4: '127.0.0.2' } },
  )
  const gateway = await house.gateway(
    [
      {
        id: 'STA01',
        urls: [`${scheme}://${sta.where(scheme === 'http' ? 'listenHttp' : 'listen')}`],
      },
    ],
    [{ name: 'danted', kind: 'socks5', secure: 'off', address: `127.0.0.1:${danted.port}` }],
    { storefronts: [{ address: storefront.where() }] },
  )
  const access = house.access(gateway)
  return { house, danted, sta, vda, gateway, access, ticket: () => house.ticket(access) }
}

/** The gateway keeps its connection to the STA for ten seconds, and what is written there is not written again. */
async function keptConnectionsEnd(gateway: Running): Promise<void> {
  const inUse = async () =>
    (await shownBy(gateway.at.admin)).hopConnections.filter(({ what }) => what === 'in use')
  await until(inUse, ({ length }) => length === 0)
}

/** Why and where launches have failed. */
function failures(house: House): string[] {
  return house.events('launch-failed').map(({ code, step }) => `${code} in step ${step}`)
}
