import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Endpoint } from '@doublehop/wire/endpoint'
import t from 'tap'
import { shownBy } from '../kit/ask-admin.ts'
import { attempt } from '../kit/attempt.ts'
import { Hop } from '../kit/hop.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { Link } from '../kit/link.ts'
import { ending } from '../kit/refusal.ts'
import { until } from '../kit/wait.ts'

t.test('SIGTERM ends who is still in the handshake of a gateway, up to step 1', async (t) => {
  const house = new HouseToReload(t, ['gateway'])
  const double = await house.doubleHop()
  const program = house.program('gateway')
  const silent = await openTcp(double.gateway.at.listen)
  const mute = await double.access.dial()
  const begun = await double.access.dial()
  const half = ending(begun, Uint8Array.of(5, 2, 0))
  const none = ending(mute, new Uint8Array(0))
  await until(
    () => shownBy(double.gateway.at.admin),
    ({ handshakes, sessions }) => handshakes.length === 3 && sessions.length === 1,
  )
  program.signal('SIGTERM')
  t.match(await program.ended, { code: 0, signal: null, stderr: '' }, 'without a wait')
  t.equal((await half).heard.length, 0)
  t.equal((await none).heard.length, 0)
  await closed(silent)
})

t.test('and who has said nothing to a proxy, with TLS or before it', async (t) => {
  const house = new HouseToReload(t, ['proxy'])
  const double = await house.doubleHop()
  const program = house.program('proxy')
  const silent = await openTcp(double.proxy.at.listen)
  const ahead = await Hop.open(house, double.proxy)
  await until(
    () => shownBy(double.proxy.at.admin),
    ({ handshakes, hopConnections }) => handshakes.length >= 1 && hopConnections.length >= 1,
  )
  program.signal('SIGTERM')
  t.match(await program.ended, { code: 0, signal: null, stderr: '' })
  t.equal((await ahead.rest()).length, 0)
  await closed(silent)
})

t.test('a launch that is past step 1 is waited for, and so is its session', async (t) => {
  const house = new HouseToReload(t, ['gateway'])
  const sta = await house.sta()
  const vda = await house.vda()
  const wire = await Link.before(t, sta.at.listen as Endpoint)
  const stas = [{ id: 'STA01', urls: [`https://${wire.where}`] }]
  const proxy = await house.proxy(stas)
  const storefront = await house.storefront(stas, [
    { name: 'echo', cgpAddress: vda.where('echo.cgp') },
  ])
  const gateway = await house.gateway(stas, [{ name: 'proxy', address: proxy.where() }], {
    storefronts: [{ address: storefront.where() }],
  })
  const access = house.access(gateway)
  const ticket = await house.ticket(access)
  wire.hold('up')
  const launching = attempt(access, ticket)
  await until(() => wire.waiting('up') > 0, Boolean)
  const program = house.program('gateway')
  program.signal('SIGTERM')
  await program.says(/"event":"draining"/)
  wire.release()
  t.equal((await launching).outcome, 'connected')
  t.match(await program.ended, { code: 0, signal: null, stderr: '' })
})

async function openTcp(at: Endpoint | undefined): Promise<Socket> {
  const socket = connect(at as Endpoint)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function closed(socket: Socket): Promise<void> {
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
}
