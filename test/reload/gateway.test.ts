import { X509Certificate } from 'node:crypto'
import { connect as connectTls } from 'node:tls'
import { converse } from '@doublehop/daemon/conversation'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { connectSocks, openSocks } from '@doublehop/wire/socks5-client'
import t from 'tap'
import { shownBy } from '../kit/ask-admin.ts'
import { attempt } from '../kit/attempt.ts'
import { freePort } from '../kit/free-port.ts'
import { HouseAuthority } from '../kit/house-authority.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { Link } from '../kit/link.ts'
import { echoOf, openSession } from '../kit/sessions.ts'
import { until } from '../kit/wait.ts'

const STAS = (where: string) => [{ id: 'STA01', urls: [`https://${where}`] }]

const house = new HouseToReload(t, ['gateway'])
const double = await house.doubleHop()

t.test('a next hop that takes the place of another carries what comes from then on', async (t) => {
  const second = await house.start(
    'proxy',
    { ...house.section('proxy'), stas: STAS(double.sta.where()) },
    'second',
  )
  const { nextHops } = house.section('gateway')
  const session = await openSession(double)
  await house.change('gateway', { nextHops: [{ name: 'second', address: second.where() }] })

  t.equal(await echoOf(session, 'before'), 'before', 'the session notices nothing')
  const later = await openSession(double)
  t.equal(await echoOf(later, 'after'), 'after')
  t.same(
    house
      .steps()
      .filter(({ step }) => step === 6)
      .map(({ daemon }) => daemon),
    ['proxy', 'second'],
  )
  const left = await until(
    async () => (await shownBy(double.proxy.at.admin)).hopConnections,
    (shown) => shown.every(({ what }) => what !== 'waiting'),
  )
  t.same(
    left.filter(({ what }) => what === 'waiting'),
    [],
    'nothing is held ready at the first',
  )
  session.destroy()
  later.destroy()
  await house.change('gateway', { nextHops })
})

t.test('a launch that is under way ends as it began', async (t) => {
  const house = new HouseToReload(t, [])
  const sta = await house.sta()
  const vda = await house.vda()
  const wire = await Link.before(t, sta.at.listen as Endpoint)
  const proxy = await house.proxy(STAS(wire.where))
  const apps = [{ name: 'echo', cgpAddress: vda.where('echo.cgp') }]
  const storefront = await house.storefront(STAS(sta.where()), apps)
  const gateway = await house.gateway(
    STAS(wire.where),
    [{ name: 'proxy', address: proxy.where() }],
    { storefronts: [{ address: storefront.where() }] },
  )
  const access = house.access(gateway)
  const [ticket, later] = [await house.ticket(access), await house.ticket(access)]
  wire.hold('up')
  const launching = attempt(access, ticket)
  await until(() => wire.waiting('up') > 0, Boolean)

  const nowhere = [{ name: 'proxy', address: `127.0.0.1:${await freePort()}` }]
  await house.change('gateway', { nextHops: nowhere })
  t.match(await attempt(access, later), { outcome: 'DH_SOCKS_UNREACHABLE' }, 'what is new holds')
  wire.release()
  t.match(await launching, { outcome: 'connected' })
})

t.test('a client that came before, and said nothing yet, is served by what is new', async (t) => {
  const { nextHops } = house.section('gateway')
  const nowhere = [{ name: 'proxy', address: `127.0.0.1:${await freePort()}` }]
  await house.change('gateway', { nextHops: nowhere })
  const early = await double.access.dial()
  await house.change('gateway', { nextHops })
  await converse(early, openSocks(), { what: 'the greeting', milliseconds: 5000 })
  const ask = connectSocks({ host: (await double.ticket()).reveal(), port: 2598 })
  await t.resolves(converse(early, ask, { what: 'the launch', milliseconds: 5000 }))
  early.destroy()
})

t.test('a new certificate is shown to who comes from then on', async (t) => {
  const session = await openSession(double)
  const before = await shownTo(house, double.gateway.at.listen)
  const renewed = new X509Certificate(new HouseAuthority(house).renew('gateway'))
  t.not(before, renewed.serialNumber)
  t.equal(await shownTo(house, double.gateway.at.listen), before, 'a file alone changes nothing')

  await house.change('gateway')
  t.equal(await shownTo(house, double.gateway.at.listen), renewed.serialNumber)
  t.equal(await echoOf(session, 'still'), 'still')
  const later = await openSession(double)
  t.equal(await echoOf(later, 'there'), 'there', 'the proxy knows the new one as well')
  later.destroy()
  session.destroy()
})

t.test('whether clients show certificates can change, both ways', async (t) => {
  const tls = house.section('gateway').tls as object
  const clientCa = 'certs/ca/ca.crt'
  await house.change('gateway', { tls: { ...tls, clientCertificates: 'required', clientCa } })
  await t.rejects(openSession(double), 'who shows none is refused')
  await house.change('gateway', { tls })
  const session = await openSession(double)
  t.equal(await echoOf(session, 'welcome'), 'welcome')
  session.destroy()
})

t.test('limits hold for who comes from then on, and end nobody', async (t) => {
  const [session, ticket] = [await openSession(double), await double.ticket()]
  await house.change('gateway', { limits: { sessions: 1 } })
  t.not((await attempt(double.access, ticket)).outcome, 'connected')
  t.equal(await echoOf(session, 'mine'), 'mine')
  await house.change('gateway', { limits: { sessions: 2 } })
  t.equal((await attempt(double.access, ticket)).outcome, 'connected', 'it was never spent')
  session.destroy()
})

/** The serial number of what a client is shown. */
async function shownTo(house: HouseToReload, at: Endpoint | undefined): Promise<string> {
  const ca = house.read('workspace/ca.crt')
  const socket = connectTls({ ...(at as Endpoint), ca, servername: 'localhost' })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  socket
    .once('secureConnect', () => resolve(socket.getPeerX509Certificate()?.serialNumber ?? ''))
    .once('error', reject)
  return await promise.finally(() => socket.destroy())
}
