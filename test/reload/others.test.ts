import { createHash } from 'node:crypto'
import { StorefrontClient } from '@doublehop/workspace/storefront-client'
import t from 'tap'
import { attempt } from '../kit/attempt.ts'
import { HouseAuthority } from '../kit/house-authority.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { exchange } from '../kit/session.ts'
import { echoOf, openSession } from '../kit/sessions.ts'
import { until } from '../kit/wait.ts'

const house = new HouseToReload(t, ['storefront', 'sta', 'vda'])
const double = await house.doubleHop()
const authority = new HouseAuthority(house)
const token = house.read('workspace/token')

/** What becomes of one launch, from its ticket on. */
async function outcome(): Promise<string> {
  const ticket = await double.ticket().catch((error) => String(error.code))
  return typeof ticket === 'string' ? ticket : (await attempt(double.access, ticket)).outcome
}

function storefront(token: string): StorefrontClient {
  const client = new StorefrontClient(double.access, token)
  t.teardown(() => client.close())
  return client
}

t.test('an app that is added is published, and one that is taken away is not', async (t) => {
  const apps = house.section('storefront').apps as { name: string }[]
  const names = async () => (await storefront(token).apps()).map(({ name }) => name)
  await house.change('storefront', { apps: [...apps, { ...apps[0], name: 'more' }] })
  t.same(await names(), ['echo', 'more'])
  t.equal((await attempt(double.access, await double.ticket('more'))).outcome, 'connected')
  await house.change('storefront', { apps })
  t.same(await names(), ['echo'])
})

t.test('a new token takes the place of the one before', async (t) => {
  const digest = house.read('storefront/token.sha256')
  const file = (hex: string) => authority.write('storefront/token.sha256', hex)
  file(createHash('sha256').update('another-token').digest('hex'))
  await house.change('storefront')
  await t.rejects(storefront(token).apps(), { message: /HTTP 401/ })
  t.same((await storefront('another-token').apps()).length, 1)
  file(digest)
  await house.change('storefront')
  t.same((await storefront(token).apps()).length, 1)
})

t.test('a connection to the storefront that was kept answers once more, and ends', async (t) => {
  const leg = await double.access.dial()
  const head = `GET /apps HTTP/1.1\r\nHost: storefront\r\nAuthorization: Bearer ${token}\r\n\r\n`
  const kept = await firstAnswer(leg, head)
  t.match(kept, /keep-alive/)
  await house.change('storefront')
  const last = (await exchange(leg, Buffer.from(head), false)).toString()
  t.match(last, /^HTTP\/1\.1 200 /)
  t.match(last, /connection: close/i)
})

t.test('who is taken off the lists of the STA neither issues nor redeems', async (t) => {
  const ticket = await double.ticket()
  await house.change('sta', { redeemers: { names: ['somebody-else'] } })
  t.not((await attempt(double.access, ticket)).outcome, 'connected')
  await house.change('sta', { issuers: { names: ['nobody'] } })
  await t.rejects(double.ticket(), { message: /HTTP 503/ })
  await house.change('sta', { issuers: { names: ['storefront'] }, redeemers: { names: ['proxy'] } })
  t.equal((await attempt(double.access, ticket)).outcome, 'connected', 'it was kept, unspent')
})

t.test('the service key changes, at the STA and then at the storefront', async (t) => {
  authority.write('new-service.key', 'another service key')
  const serviceKey = 'file:certs/new-service.key'
  await house.change('sta', { serviceKey })
  await t.rejects(double.ticket(), { message: /HTTP 503/ })
  await house.change('storefront', { serviceKey })
  t.equal(await outcome(), 'connected')
})

t.test('lifetimes hold for tickets that are issued from then on', async (t) => {
  const before = await double.ticket()
  await house.change('sta', { ticketLifetime: '200 ms' })
  const after = await double.ticket()
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal((await attempt(double.access, after)).outcome, 'DH_SOCKS_DENIED')
  t.equal((await attempt(double.access, before)).outcome, 'connected')
  await house.change('sta', { ticketLifetime: '90 s' })
})

t.test('so does how many there may be', async (t) => {
  await double.ticket()
  await house.change('sta', { maxTickets: 1 })
  await t.rejects(double.ticket(), { message: /HTTP 503/ })
  await house.change('sta', { maxTickets: 1000 })
  t.equal(await outcome(), 'connected')
})

t.test('the VDA takes more sessions, or fewer, and ends none', async (t) => {
  const session = await openSession(double)
  await house.change('vda', { limits: { sessions: 1 } })
  const refused = await openSession(double)
  await t.rejects(echoOf(refused, 'x'))
  await house.change('vda', { limits: { sessions: 100 } })
  const taken = await until(openSession.bind(undefined, double), Boolean)
  t.equal(await echoOf(taken, 'taken'), 'taken')
  t.equal(await echoOf(session, 'mine'), 'mine')
  for (const leg of [session, refused, taken]) leg.destroy()
})

/** The answer to a first request on a connection that stays. */
async function firstAnswer(
  leg: Awaited<ReturnType<typeof double.access.dial>>,
  request: string,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  leg.listen({
    bytes(chunk) {
      leg.silence()
      resolve(Buffer.from(chunk).toString())
    },
    end() {},
    drain() {},
    close() {},
  })
  leg.write(Buffer.from(request))
  return await promise
}
