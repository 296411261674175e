import type { StepLine } from '@doublehop/daemon/steps'
import { encodeCgpFlight } from '@doublehop/wire/cgp'
import { concat } from '@doublehop/wire/conversation'
import { ICA_GREETING } from '@doublehop/wire/ica-greeting'
import { encodeReply, REPLY } from '@doublehop/wire/socks5-messages'
import { parseTicket } from '@doublehop/wire/ticket'
import { GatewayAccess } from '@doublehop/workspace/gateway-access'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { inFiles, TestAuthority } from '../../../test/kit/certificates.ts'
import { type End, EndServer } from '../../../test/kit/ends.ts'
import { SOCKS_GREETING, socksRequest } from '../../../test/kit/flights.ts'
import { read } from '../../../test/kit/session.ts'
import { until } from '../../../test/kit/wait.ts'

const TICKET = parseTicket(';40;STA01;6C0EE48D2E8CADFEE6D1EB93BFB52A57')
const AUTHORITY = new TestAuthority()
const SHOWN = AUTHORITY.issue(['gateway.example', 'localhost', '127.0.0.1'])
const { ca } = inFiles(SHOWN)
const SUCCESS = Buffer.from(encodeReply(REPLY.succeeded))

/** A gateway in the test's hands, and the way to it. */
async function gateway(t: Test): Promise<{ access: GatewayAccess; next: () => Promise<End> }> {
  const server = await EndServer.open(t, SHOWN)
  return { access: new GatewayAccess({ gateway: server.at, ca }), next: () => server.next() }
}

/** Takes greeting and request of a SOCKS client, byte for byte. */
async function takeSocks(t: Test, end: End, port: number): Promise<void> {
  t.same(await end.read(3), Buffer.from(SOCKS_GREETING))
  end.say(Uint8Array.of(5, 0))
  const request = Buffer.from(socksRequest(TICKET.reveal(), port))
  t.same(await end.read(request.length), request)
}

t.test('SOCKS: greets, names its ticket, and has a session after the reply', async (t) => {
  const { access, next } = await gateway(t)
  const steps: StepLine[] = []
  const launching = launch(access, {
    ticket: TICKET,
    port: 2598,
    protocol: 'socks',
    onStep: (step) => void steps.push(step),
  })
  const end = await next()
  await takeSocks(t, end, 2598)
  end.say(concat(SUCCESS, Buffer.from('early')))
  const { leg } = await launching
  t.equal((await read(leg, 5)).toString(), 'early', 'what came with the reply is the session’s')
  leg.write(Buffer.from('hello'))
  t.equal((await end.read(5)).toString(), 'hello')
  t.match(steps, [
    {
      step: 1,
      name: 'ticket',
      route: 'workspace → gateway',
      detail: /^TLSv1\.3, socks, ;40;STA01;6C0E… port 2598$/,
    },
    { step: 8, name: 'accept', route: 'gateway → workspace' },
  ])
  leg.destroy()
})

t.test('SOCKS: is refused with the words of the reply', async (t) => {
  const { access, next } = await gateway(t)
  for (const [reply, code] of [
    [REPLY.denied, /^DH_/],
    [REPLY.hostUnreachable, /^DH_/],
  ] as const) {
    const launching = launch(access, { ticket: TICKET, port: 2598, protocol: 'socks' }).catch(
      (error) => error,
    )
    const end = await next()
    await takeSocks(t, end, 2598)
    end.finish(encodeReply(reply))
    const failure = await launching
    t.match(failure.code, code)
    t.notMatch(failure.message, TICKET.reveal())
    await end.until(() => end.closed || end.ended)
  }
})

t.test(
  'SOCKS: whatever else the gateway says or does is a fault, and its connection is ended',
  async (t) => {
    const { access, next } = await gateway(t)
    const odd: Record<string, [(end: End) => void, string]> = {
      HTTP: [(end) => end.say('HTTP/1.1 400 Bad Request\r\n\r\n'), 'DH_SOCKS_FORM'],
      'no method': [(end) => end.say(Uint8Array.of(5, 0xff)), 'DH_SOCKS_METHOD'],
      'an end': [(end) => end.finish(), 'DH_PEER_CLOSED'],
      'a reset': [(end) => end.reset(), 'DH_PEER_RESET'],
    }
    for (const [what, [say, code]] of Object.entries(odd)) {
      const launching = launch(access, { ticket: TICKET, port: 2598, protocol: 'socks' }).catch(
        (error) => error,
      )
      const end = await next()
      await end.read(3)
      say(end)
      t.equal((await launching).code, code, what)
      await end.until(() => end.ended || end.closed)
    }
  },
)

t.test('CGP: one flight, and no answer is an answer', async (t) => {
  const { access, next } = await gateway(t)
  const { leg } = await launch(access, { ticket: TICKET, port: 2598, protocol: 'cgp' })
  const end = await next()
  const flight = Buffer.from(encodeCgpFlight(TICKET))
  t.same(await end.read(flight.length), flight)
  end.finish('refused')
  t.equal((await read(leg, 7)).toString(), 'refused')
  leg.destroy()
})

t.test('1494: the greeting is answered and taken off the session', async (t) => {
  const { access, next } = await gateway(t)
  const launching = launch(access, { ticket: TICKET, port: 1494, protocol: 'socks', greet: true })
  const end = await next()
  await takeSocks(t, end, 1494)
  end.say(concat(SUCCESS, ICA_GREETING, Buffer.from('after')))
  const { leg } = await launching
  t.same(await end.read(6), Buffer.from(ICA_GREETING))
  t.equal((await read(leg, 5)).toString(), 'after')
  leg.destroy()
})

t.test('1494: a forwarded port passes the greeting on', async (t) => {
  const { access, next } = await gateway(t)
  const launching = launch(access, { ticket: TICKET, port: 1494, protocol: 'socks' })
  const end = await next()
  await takeSocks(t, end, 1494)
  end.say(concat(SUCCESS, ICA_GREETING))
  const { leg } = await launching
  t.same(await read(leg, 6), Buffer.from(ICA_GREETING))
  leg.destroy()
})

t.test('1494: a server that greets otherwise is refused', async (t) => {
  const { access, next } = await gateway(t)
  const launching = launch(access, {
    ticket: TICKET,
    port: 1494,
    protocol: 'socks',
    greet: true,
  }).catch((error) => error)
  const end = await next()
  await takeSocks(t, end, 1494)
  end.say(concat(SUCCESS, Buffer.from('SSH-2.0')))
  t.equal((await launching).code, 'DH_ICA_GREETING')
  await end.until(() => end.ended || end.closed)
})

t.test('a gateway is only known by its certificate', async (t) => {
  const server = await EndServer.open(t, SHOWN)
  const at = { host: '127.0.0.1', port: server.at.port }
  const named = new GatewayAccess({ gateway: at, ca, serverName: 'gateway.example' })
  const leg = await named.dial()
  t.equal(leg.peer.name, 'gateway.example')
  leg.destroy()
  const misnamed = new GatewayAccess({ gateway: at, ca, serverName: 'other.example' })
  await t.rejects(misnamed.dial(), { code: 'DH_DIAL_TLS' })
  await t.rejects(
    new GatewayAccess({ gateway: at }).dial(),
    { code: 'DH_DIAL_TLS' },
    'without a CA only the public ones count',
  )
  t.throws(() => new GatewayAccess({ gateway: at, ca: '/nowhere/ca.crt' }), {
    code: 'DH_CERTIFICATE',
  })
})

t.test('a launch that fails leaves no connection behind', async (t) => {
  const { access, next } = await gateway(t)
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((kind) => /^TCPSocketWrap/.test(kind)).length
  const before = sockets()
  const launching = launch(access, { ticket: TICKET, port: 2598, protocol: 'socks' }).catch(
    () => {},
  )
  const end = await next()
  end.say('nonsense')
  await launching
  await end.until(() => end.ended || end.closed)
  end.destroy()
  await until(sockets, (count) => count <= before)
})
