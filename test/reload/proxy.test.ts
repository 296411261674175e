import { randomBytes } from 'node:crypto'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { STA_PATH } from '@doublehop/wire/sta-messages'
import t from 'tap'
import { shownBy } from '../kit/ask-admin.ts'
import { attempt } from '../kit/attempt.ts'
import { connectVia, grantFor, Hop, NOBODY, openRelay, SESSION } from '../kit/hop.ts'
import { HouseAuthority } from '../kit/house-authority.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { echoOf, openSession } from '../kit/sessions.ts'
import { until } from '../kit/wait.ts'

const house = new HouseToReload(t, ['proxy'])
const double = await house.doubleHop()
const { proxy, sta, vda } = double
const staAt = sta.at.listen as Endpoint
const server = vda.at['echo.cgp'] ?? { host: '', port: 0 }
const OTHERS = { allow: { names: ['somebody-else'] } }
const GATEWAY = { allow: { names: ['gateway'] } }
const GET = `GET ${STA_PATH} HTTP/1.1\r\nHost: sta\r\n\r\n`

t.test(
  'who is taken off the list of gateways gets nothing new, and keeps its sessions',
  async (t) => {
    const [session, ticket] = [await openSession(double), await double.ticket()]
    await house.change('proxy', OTHERS)
    t.not((await attempt(double.access, ticket)).outcome, 'connected')
    t.equal(await echoOf(session, 'mine'), 'mine')
    await house.change('proxy', GATEWAY)
    t.equal((await attempt(double.access, ticket)).outcome, 'connected', 'it was never spent')
    session.destroy()
  },
)

t.test('a connection to an STA that was kept is judged by the new list', async (t) => {
  const kept = await openRelay(house, proxy, staAt)
  t.match(await kept.ask(GET), { status: 406 })
  await house.change('proxy', OTHERS)
  t.match(await kept.ask(GET), { status: 403, headers: { connection: 'close' } })
  await house.change('proxy', GATEWAY)
})

t.test('and one that may go on answers once more, and ends', async (t) => {
  const kept = await openRelay(house, proxy, staAt)
  await house.change('proxy')
  t.match(await kept.ask(GET), { status: 406, headers: { connection: 'close' } })
  t.same(await kept.rest(), Buffer.alloc(0))
})

t.test('a connection that was opened ahead is judged by the new list', async (t) => {
  const ahead = await Hop.open(house, proxy)
  const waiting = async () => (await shownBy(proxy.at.admin)).hopConnections
  await until(waiting, (all) => all.some(({ what }) => what === 'waiting'))
  await house.change('proxy', OTHERS)
  await t.rejects(ahead.connect(server.host, server.port, NOBODY), 'refused without a reply')
  await house.change('proxy', GATEWAY)
})

t.test('no launch fails, however often the proxy reloads while they come', async (t) => {
  let reloading = true
  const outcomes: string[] = []
  const launching = (async () => {
    while (reloading) outcomes.push((await attempt(double.access, await double.ticket())).outcome)
  })()
  for (let times = 0; times < 5; times++) {
    const before = outcomes.length
    await house.change('proxy')
    await until(
      () => outcomes.length,
      (count) => count > before + 1,
    )
  }
  reloading = false
  await launching
  t.ok(outcomes.length >= 10)
  t.same(new Set(outcomes), new Set(['connected']))
})

t.test('keys of grants rotate: the new one mints, the one before is still taken', async (t) => {
  const authority = new HouseAuthority(house)
  const old = 'file:certs/proxy/grant.key'
  const fresh = `file:${authority.write('new.key', randomBytes(32).toString('base64url'))}`
  const mint = async () =>
    await grantFor(house, proxy, staAt, (await double.ticket()).primary.reveal())
  const take = async (grant: string) =>
    (await connectVia(house, proxy, server, [SESSION, grant])).reply

  const before = [await mint(), await mint()] as const
  await house.change('proxy', { grants: { keys: [fresh, old] } })
  t.equal(await take(before[0]), 0, 'minted with the one before')
  t.equal(await take(before[0]), 2, 'once')
  const after = await mint()
  await house.change('proxy', { grants: { keys: [fresh] } })
  t.equal(await take(before[1]), 2, 'the old key is gone')
  t.equal(await take(after), 0, 'minted with the new one')
  await house.change('proxy', { grants: { keys: [old] } })
})

t.test('destinations hold for who comes from then on', async (t) => {
  const session = await openSession(double)
  await house.change('proxy', { destinations: { networks: ['10.0.0.0/8'] } })
  t.equal((await attempt(double.access, await double.ticket())).outcome, 'DH_SOCKS_DENIED')
  t.equal(await echoOf(session, 'mine'), 'mine')
  await house.change('proxy', { destinations: {} })
  t.equal((await attempt(double.access, await double.ticket())).outcome, 'connected')
  session.destroy()
})

t.test('an STA that is added can be reached, and one that is taken away cannot', async (t) => {
  const second = await house.start(
    'sta',
    { ...house.section('sta'), authorityId: 'STA02' },
    'second-sta',
  )
  const stas = house.section('proxy').stas as object[]
  const reach = async () => await openRelay(house, proxy, second.at.listen as Endpoint)
  await t.rejects(reach(), /reply 2/)
  await house.change('proxy', {
    stas: [...stas, { id: 'STA02', urls: [`https://${second.where()}`] }],
  })
  t.match(await (await reach()).ask(GET), {
    status: 406,
    headers: { 'doublehop-authority': 'STA02' },
  })
  const kept = await reach()
  await house.change('proxy', { stas })
  await t.rejects(reach(), /reply 2/)
  t.match(await kept.ask(GET), { status: 403, headers: { connection: 'close' } }, 'not even once')
})

t.test('the level of the log changes', async (t) => {
  const program = house.program('proxy')
  t.notMatch(program.stdout.toString(), /"level":"debug"/)
  await house.change('proxy', { log: { level: 'debug' } })
  // The gateway looks again and again whether this proxy is there.
  await program.says(/"level":"debug"/)
})
