import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { makeLabCertificates } from '@doublehop/pki/lab'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Ticket } from '@doublehop/wire/ticket'
import t, { type Test } from 'tap'
import type { Program } from './kit/foreign.ts'
import { type DoubleHop, House, temporaryFolder } from './kit/house.ts'
import { type SClientOptions, sClient } from './kit/s-client.ts'
import { missing } from './kit/tools.ts'
import { until } from './kit/wait.ts'

/** Without it, OpenSSL itself declines to say anything as old as TLS 1.1. */
const WEAK = ['-cipher', 'ALL@SECLEVEL=0']

t.test('openssl s_client as first hop of the proxy', { skip: missing('openssl') }, async (t) => {
  const house = new House(t)
  const lab = await house.doubleHop()
  const hop = (options: SClientOptions = {}) =>
    sClient(t, house, lab.proxy.where(), { as: 'gateway', ...options })

  for (const tls of ['1.2', '1.3'] as const) {
    t.test(
      `redeems a ticket, takes the grant out of the answer and gets through, over TLS ${tls}`,
      async (t) => {
        const session = randomBytes(16).toString('hex')
        const { grant, address } = await redeemByHand(
          hop({ tls }),
          lab,
          await lab.ticket(),
          session,
        )

        const launch = hop({ tls })
        t.equal(await connectByHand(launch, address, [session, grant]), '05000001000000000000')
        launch.say('there and back')
        t.equal(String(await launch.read(14)), 'there and back')

        t.equal(
          await connectByHand(hop({ tls }), address, [session, grant]),
          '05020001000000000000',
          'the grant is spent',
        )
        t.same(
          house.steps(session).map(({ daemon, name, peerName }) => [daemon, name, peerName]),
          [
            ['proxy', 'redeem', 'gateway'],
            ['proxy', 'dial', 'gateway'],
          ],
          'the proxy logs its two steps under the name of the session',
        )
      },
    )
  }

  t.test('gets nowhere without a grant', async (t) => {
    const nowhere = lab.vda.at['echo.cgp'] as Endpoint
    const login = [randomBytes(16).toString('hex'), 'A'.repeat(120)] as const
    t.equal(await connectByHand(hop(), nowhere, login), '05020001000000000000')
  })

  await refusesOldTls(
    t,
    house,
    (t, options) => sClient(t, house, lab.proxy.where(), { as: 'gateway', ...options }),
    'proxy',
  )

  t.test('is turned away with a certificate of another authority, and without one', async (t) => {
    const others = temporaryFolder()
    makeLabCertificates(others)
    for (const tls of ['1.2', '1.3'] as const) {
      const before = house.events('handshake-failed').length
      t.same(
        (await hop({ tls, as: join(others, 'gateway') }).ended).stdout,
        Buffer.alloc(0),
        `another authority, TLS ${tls}`,
      )
      t.same(
        (await sClient(t, house, lab.proxy.where(), { tls }).ended).stdout,
        Buffer.alloc(0),
        `no certificate, TLS ${tls}`,
      )
      const failed = await until(
        () => house.events('handshake-failed').slice(before),
        ({ length }) => length >= 2,
      )
      t.same(
        failed.map(({ daemon, code }) => [daemon, code]),
        [
          ['proxy', 'DH_TLS_HANDSHAKE'],
          ['proxy', 'DH_TLS_HANDSHAKE'],
        ],
      )
    }
  })

  t.test('is turned away with a good certificate of somebody who is not listed', async (t) => {
    t.same((await hop({ as: 'storefront' }).ended).stdout, Buffer.alloc(0))
    const refused = house.events('hop-refused').filter(({ peerName }) => peerName === 'storefront')
    t.same(
      refused.map(({ daemon, code }) => [daemon, code]),
      [['proxy', 'DH_PEER_NOT_LISTED']],
    )
  })
})

t.test('openssl s_client as workspace at the gateway', { skip: missing('openssl') }, async (t) => {
  const house = new House(t)
  const lab = await house.doubleHop()

  for (const tls of ['1.2', '1.3'] as const) {
    t.test(`launches with a ticket over TLS ${tls}`, async (t) => {
      const workspace = sClient(t, house, lab.gateway.where(), { tls })
      t.equal(await launchByHand(workspace, await lab.ticket(), 2598), '05000001000000000000')
      workspace.say('there and back')
      t.equal(String(await workspace.read(14)), 'there and back')
      t.match(
        house.steps().findLast(({ name }) => name === 'ticket')?.detail,
        new RegExp(`^TLSv${tls}, socks, `),
      )
    })
  }

  t.test('launches to port 1494, where the server greets first', async (t) => {
    const workspace = sClient(t, house, lab.gateway.where())
    t.equal(await launchByHand(workspace, await lab.ticket(), 1494), '05000001000000000000')
    t.equal(String(await workspace.read(6)), '\x7f\x7fICA\0')
    workspace.say('\x7f\x7fICA\0there and back')
    t.equal(String(await workspace.read(14)), 'there and back')
  })

  t.test('is turned away with a ticket that was used', async (t) => {
    const ticket = await lab.ticket()
    t.equal(
      await launchByHand(sClient(t, house, lab.gateway.where()), ticket, 2598),
      '05000001000000000000',
    )
    t.equal(
      await launchByHand(sClient(t, house, lab.gateway.where()), ticket, 2598),
      '05020001000000000000',
    )
  })

  await refusesOldTls(
    t,
    house,
    (t, options) => sClient(t, house, lab.gateway.where(), options),
    'gateway',
  )

  t.test(
    'must show a certificate of the right authority where the gateway wants one',
    async (t) => {
      const files = { certificate: 'certs/gateway/tls.crt', key: 'certs/gateway/tls.key' }
      const { url, hop, storefronts } = partsOf(lab)
      const strict = await house.gateway([url], [hop], {
        storefronts,
        tls: { ...files, clientCertificates: 'required', clientCa: 'certs/ca/ca.crt' },
      })
      const others = temporaryFolder()
      makeLabCertificates(others)
      t.same(
        (await sClient(t, house, strict.where(), { as: join(others, 'storefront') }).ended).stdout,
        Buffer.alloc(0),
      )
      t.same((await sClient(t, house, strict.where()).ended).stdout, Buffer.alloc(0))
      const known = sClient(t, house, strict.where(), { as: 'storefront' })
      t.equal(await launchByHand(known, await lab.ticket(), 2598), '05000001000000000000')
    },
  )
})

/** The parts of a lab as a further gateway lists them. */
function partsOf({ sta, proxy, storefront }: DoubleHop) {
  return {
    url: { id: 'STA01', urls: [`https://${sta.where()}`] },
    hop: { name: 'proxy', address: proxy.where() },
    storefronts: [{ address: storefront.where() }],
  }
}

async function refusesOldTls(
  t: Test,
  house: House,
  connect: (t: Test, options: SClientOptions) => Program,
  daemon: string,
): Promise<void> {
  t.test('is refused with TLS 1.1', async (t) => {
    const { code, stderr, stdout } = await connect(t, { tls: '1.1', more: WEAK }).ended
    t.equal(code, 1)
    t.match(stderr, /alert protocol version/, 'by an alert of the daemon, not by OpenSSL itself')
    t.equal(stdout.length, 0)
    const [failed] = await until(
      () => house.events('handshake-failed'),
      ({ length }) => length > 0,
    )
    t.match(failed, { daemon, code: 'DH_TLS_HANDSHAKE' })
  })
}

/** Asks for a destination with a login, byte by byte (RFC 1928, 3 and 4; RFC 1929). @returns the reply in hex */
async function connectByHand(
  hop: Program,
  { host, port }: Endpoint,
  [user, password]: readonly [string, string],
): Promise<string> {
  hop.say(Uint8Array.of(5, 1, 2))
  await hop.read(2)
  hop.say(
    Buffer.concat([
      Uint8Array.of(1, user.length),
      Buffer.from(user),
      Uint8Array.of(password.length),
      Buffer.from(password),
    ]),
  )
  await hop.read(2)
  hop.say(Uint8Array.of(5, 1, 0, 1, ...host.split('.').map(Number), port >> 8, port & 255))
  return (await hop.read(10)).toString('hex')
}

/** Launches with a ticket in the place of a name. @returns the reply in hex */
async function launchByHand(workspace: Program, ticket: Ticket, port: number): Promise<string> {
  workspace.say(Uint8Array.of(5, 1, 0))
  await workspace.read(2)
  const name = Buffer.from(ticket.reveal())
  workspace.say(
    Buffer.concat([
      Uint8Array.of(5, 1, 0, 3, name.length),
      name,
      Uint8Array.of(port >> 8, port & 255),
    ]),
  )
  return (await workspace.read(10)).toString('hex')
}

/** Redeems a ticket at the STA behind the proxy, with an HTTP request typed by hand. */
async function redeemByHand(
  hop: Program,
  { sta }: DoubleHop,
  ticket: Ticket,
  session: string,
): Promise<{ grant: string; address: Endpoint }> {
  const reply = await connectByHand(hop, sta.at.listen as Endpoint, ['-', '-'])
  if (reply !== '05000001000000000000') throw new Error(`no way to the STA: ${reply}`)
  const body = `<?xml version="1.0"?><CtxSTAProtocol version="4.0"><RequestData><Ticket>${ticket.primary.reveal()}</Ticket></RequestData></CtxSTAProtocol>`
  hop.say(
    [
      'POST /Scripts/CtxSTA.dll HTTP/1.1',
      'Host: sta',
      'Content-Type: text/xml',
      `Content-Length: ${body.length}`,
      `Doublehop-Session: ${session}`,
      '',
      body,
    ].join('\r\n'),
  )
  const answer = String(await hop.readThrough('</CtxSTAProtocol>'))
  const [, grant = ''] = /^doublehop-grant: (\S+)\r$/im.exec(answer) ?? []
  const [, host = '', port = ''] =
    /<Value name="CGPAddress">([\d.]+):(\d+)<\/Value>/.exec(answer) ?? []
  return { grant, address: { host, port: Number(port) } }
}
