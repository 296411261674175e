import { concat } from '@doublehop/wire/conversation'
import { REPLY } from '@doublehop/wire/socks5-messages'
import { bytesOf } from '@doublehop/wire/text'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { SOCKS_GREETING, socksRequest } from './kit/flights.ts'
import { House, publish, type Running } from './kit/house.ts'
import { ending } from './kit/refusal.ts'
import { exchange } from './kit/session.ts'

/** How gateway and proxy list the STAs of these ids and urls. */
type Listing = (ids: readonly string[], urls: readonly string[]) => object[]

const unnamed: Listing = (_, urls) => urls.map((url) => ({ urls: [url] }))
/** With its id, and without the one that issues. */
const onlyTheSecond: Listing = (ids, urls) => [{ id: ids[1], urls: [urls[1]] }]

for (const redeemAt of ['gateway', 'proxy'] as const) {
  t.test(
    `ids that nobody configured are learnt from the STAs themselves, redeemed at the ${redeemAt}`,
    async (t) => {
      const { house, ticket, access, redemptions } = await between(
        t,
        redeemAt,
        ['STA01', 'STA02'],
        unnamed,
      )
      const wanted = await ticket()
      t.equal(wanted.primary.sta, 'STA01')
      const { leg } = await launch(access, { ticket: wanted, port: 2598, protocol: 'socks' })
      t.same(await exchange(leg, bytesOf('hello')), bytesOf('hello'))
      t.equal(house.steps().filter(({ name }) => name === 'redeem').length, 1)
      t.same(await redemptions(), [1, 0], 'only the one that issued it was asked about it')
    },
  )

  t.test(
    `two STAs that claim one id are told apart by nobody, redeemed at the ${redeemAt}`,
    async (t) => {
      const { house, ticket, access, redemptions } = await between(
        t,
        redeemAt,
        ['STA01', 'STA01'],
        unnamed,
      )
      const request = socksRequest((await ticket()).reveal(), 2598)
      const { heard } = await ending(await access.dial(), concat(SOCKS_GREETING, request))
      t.equal(heard[3], REPLY.denied)
      t.match(house.events('launch-failed')[0], {
        daemon: redeemAt,
        code: 'DH_STA_ID_AMBIGUOUS',
        step: 2,
      })
      t.same(await redemptions(), [0, 0], 'and neither was asked about the ticket')
    },
  )

  t.test(`an id that no STA claims is unknown, redeemed at the ${redeemAt}`, async (t) => {
    const { house, ticket, access, gateway, proxy } = await between(
      t,
      redeemAt,
      ['STA01', 'STA02'],
      onlyTheSecond,
    )
    const request = socksRequest((await ticket()).reveal(), 2598)
    const { heard } = await ending(await access.dial(), concat(SOCKS_GREETING, request))
    t.equal(heard[3], REPLY.denied)
    t.match(house.events('launch-failed')[0], {
      daemon: redeemAt,
      code: 'DH_STA_ID_UNKNOWN',
      step: 2,
    })
    const looker = redeemAt === 'gateway' ? gateway : proxy
    t.match(
      await looker.metrics.registry.metrics(),
      /^doublehop_sta_lookup_failures_total\{ticket="primary"\} 1$/m,
    )
  })
}

t.test(
  'an STA that has not told its id yet may be the one, so the launch says it cannot be reached',
  async (t) => {
    const house = new House(t)
    const { sta, proxy, ticket } = await house.doubleHop()
    const wanted = await ticket()
    await sta.close()
    const unnamedSta = [{ urls: [`https://${sta.where()}`] }]
    const gateway = await house.gateway(unnamedSta, [{ name: 'proxy', address: proxy.where() }])
    const request = socksRequest(wanted.reveal(), 2598)
    const { heard } = await ending(
      await house.access(gateway).dial(),
      concat(SOCKS_GREETING, request),
    )
    t.equal(heard[3], REPLY.hostUnreachable)
    t.match(house.events('launch-failed'), [
      { daemon: 'gateway', code: 'DH_STA_UNREACHABLE', step: 2 },
    ])
  },
)

/** A double hop between STAs of these ids. The storefront has its tickets issued at the first. */
async function between(
  t: Test,
  redeemAt: 'gateway' | 'proxy',
  ids: readonly string[],
  list: Listing,
) {
  const house = new House(t)
  const stas = await Promise.all(ids.map((authorityId) => house.sta({ authorityId })))
  const urls = stas.map((sta) => `https://${sta.where()}`)
  const vda = await house.vda()
  const proxy = await house.proxy(list(ids, urls))
  const storefront = await house.storefront([{ urls: urls.slice(0, 1) }], publish(vda))
  const gateway = await house.gateway(
    list(ids, urls),
    [{ name: 'proxy', address: proxy.where() }],
    {
      storefronts: [{ address: storefront.where() }],
      redeemAt,
    },
  )
  const access = house.access(gateway)
  return {
    house,
    proxy,
    gateway,
    access,
    ticket: () => house.ticket(access),
    redemptions: () => Promise.all(stas.map(redemptionsAt)),
  }
}

/** How often an STA was asked to redeem a ticket. */
async function redemptionsAt({ metrics }: Running): Promise<number> {
  const text = await metrics.registry.metrics()
  return [...text.matchAll(/^doublehop_sta_requests_total\{type="RequestData",.*\} (\d+)$/gm)]
    .map(([, count]) => Number(count))
    .reduce((sum, count) => sum + count, 0)
}
