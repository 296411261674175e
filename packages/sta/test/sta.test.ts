import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  encodeRefreshTicket,
  encodeRequestData,
  encodeRequestTicket,
  STA_LIMIT,
  STA_PATH,
} from '@doublehop/wire/sta-messages'
import t, { type Test } from 'tap'
import { shownBy } from '../../../test/kit/ask-admin.ts'
import { Hop, httpPost } from '../../../test/kit/hop.ts'
import { House, type Running } from '../../../test/kit/house.ts'
import { outcome, StaCaller } from '../../../test/kit/sta-caller.ts'
import { until } from '../../../test/kit/wait.ts'

const DATA = [{ name: 'CGPAddress', value: '10.0.0.5:2598' }]
const ALL_ZERO = '0'.repeat(32)

/** Storefront, proxy and gateway around one STA. */
class Scene {
  readonly house: House
  readonly sta: Running
  readonly storefront: StaCaller
  readonly proxy: StaCaller
  readonly gateway: StaCaller

  private constructor(t: Test, house: House, sta: Running) {
    this.house = house
    this.sta = sta
    this.storefront = new StaCaller(t, house, 'storefront')
    this.proxy = new StaCaller(t, house, 'proxy')
    this.gateway = new StaCaller(t, house, 'gateway')
  }

  static async set(t: Test, settings: object = {}): Promise<Scene> {
    const house = new House(t)
    return new Scene(t, house, await house.sta(settings))
  }

  issue(by = this.storefront): Promise<unknown> {
    return outcome(by.issue(this.sta, DATA).then((ticket) => ticket.reveal()))
  }

  redeem(hex: unknown, by = this.proxy): Promise<unknown> {
    return outcome(by.redeem(this.sta, String(hex)))
  }

  refresh(hex: unknown, by = this.proxy): Promise<unknown> {
    return outcome(by.refresh(this.sta, String(hex)))
  }

  /** How often this counter has counted, all labels that are not asked for taken together. */
  async counted(name: string, labels: Record<string, string> = {}): Promise<number> {
    const metric = await this.sta.metrics.registry.getSingleMetric(name)?.get()
    const rows = metric?.values.filter((row) =>
      Object.entries(labels).every(
        ([key, value]) => (row.labels as Record<string, unknown>)[key] === value,
      ),
    )
    return rows?.reduce((sum, { value }) => sum + value, 0) ?? 0
  }
}

const FORBIDDEN = 'DH_STA_FORBIDDEN'

t.test(
  'a storefront issues and does not redeem, a proxy redeems and does not issue, a gateway does neither',
  async (t) => {
    const scene = await Scene.set(t)
    const ticket = await scene.issue()
    t.match(ticket, /^[0-9A-F]{32}$/)
    t.equal(await scene.issue(scene.proxy), FORBIDDEN)
    t.equal(await scene.issue(scene.gateway), FORBIDDEN)
    t.equal(await scene.redeem(ticket, scene.storefront), FORBIDDEN)
    t.equal(await scene.redeem(ticket, scene.gateway), FORBIDDEN)
    t.equal(await scene.refresh(ticket, scene.storefront), FORBIDDEN)
    t.equal(await scene.refresh(ticket, scene.gateway), FORBIDDEN)
    t.same(await scene.redeem(ticket), DATA, 'which spent nothing')
  },
)

t.test('by default nobody is on any list', async (t) => {
  const scene = await Scene.set(t, { issuers: undefined, redeemers: undefined })
  t.equal(await scene.issue(), FORBIDDEN)
  t.equal(await scene.redeem('A'.repeat(32)), FORBIDDEN)
})

t.test(
  'over HTTPS an address in a listed network is no substitute for a certificate',
  async (t) => {
    const scene = await Scene.set(t, {
      issuers: { names: ['storefront'] },
      listenHttp: '127.0.0.1:0',
      redeemers: { names: ['proxy'], networks: ['127.0.0.0/8'] },
    })
    const ticket = await scene.issue()
    t.equal(await scene.redeem(ticket, scene.storefront), FORBIDDEN, 'who issues does not redeem')
    t.equal(await scene.redeem(ticket, scene.gateway), FORBIDDEN, 'nor does who is on no list')
    t.same(await scene.redeem(ticket), DATA, 'a listed certificate does')
  },
)

t.test('names on the lists compare without regard to case', async (t) => {
  const scene = await Scene.set(t, {
    issuers: { names: ['StoreFront'] },
    redeemers: { names: ['PROXY'] },
  })
  t.same(await scene.redeem(await scene.issue()), DATA)
})

t.test('without the service key nothing is issued, whatever the certificate', async (t) => {
  const scene = await Scene.set(t)
  const key = scene.house.read('sta/service.key')
  const body = Buffer.from(encodeRequestTicket(DATA)).toString()
  for (const headers of [
    '',
    'X-Citrix-XmlServiceKey: \r\n',
    `X-Citrix-XmlServiceKey: ${key.slice(1)}\r\n`,
    `X-Citrix-XmlServiceKey: ${key}x\r\n`,
    `X-Citrix-XmlServiceKey: ${key}\r\nX-Citrix-XmlServiceKey: ${key}\r\n`,
    `Authorization: ${key}\r\n`,
  ]) {
    const hop = await Hop.open(scene.house, scene.sta, { as: 'storefront' })
    t.equal((await hop.ask(httpPost(body, headers))).status, 403)
    hop.destroy()
  }
  const hop = await Hop.open(scene.house, scene.sta, { as: 'storefront' })
  t.equal((await hop.ask(httpPost(body, `X-Citrix-XmlServiceKey: ${key}\r\n`))).status, 200)
  hop.destroy()
})

t.test(
  'a caller without a certificate is nobody, but may look whether the STA is there',
  async (t) => {
    const scene = await Scene.set(t)
    const onItsOwn = async (request: string): Promise<string> => {
      const socket = connectNameless(scene)
      return await ask(socket, request).finally(() => socket.destroy())
    }
    const identity = await onItsOwn(`GET ${STA_PATH} HTTP/1.1\r\nHost: sta\r\n\r\n`)
    t.match(identity, /^HTTP\/1\.1 406 /)
    t.match(identity, /doublehop-authority: STA01/i)
    for (const body of [
      encodeRequestData({ hex: 'A'.repeat(32) }),
      encodeRefreshTicket({ hex: 'A'.repeat(32) }),
      encodeRequestTicket(DATA),
    ]) {
      t.match(
        await onItsOwn(
          httpPost(
            Buffer.from(body).toString(),
            `X-Citrix-XmlServiceKey: ${scene.house.read('sta/service.key')}\r\n`,
          ),
        ),
        /^HTTP\/1\.1 403 [\s\S]*\r\nconnection: close\r\n/i,
        'and what stands behind a refusal is not heard',
      )
    }
  },
)

t.test(
  'over plain HTTP only networks tell who asks, and a certificate name in a header tells nothing',
  async (t) => {
    const scene = await Scene.set(t, {
      listenHttp: '127.0.0.1:0',
      issuers: { networks: ['127.0.0.7'] },
      redeemers: { names: ['proxy'], networks: ['127.0.0.8'] },
    })
    const key = `X-Citrix-XmlServiceKey: ${scene.house.read('sta/service.key')}\r\nX-Forwarded-For: 127.0.0.7\r\nX-Client-Cert: proxy\r\n`
    const status = async (from: string, body: Uint8Array): Promise<string> => {
      const { host, port } = scene.sta.at.listenHttp ?? { host: '', port: 0 }
      const socket = connect({ host, port, localAddress: from })
      const answer = await ask(socket, httpPost(Buffer.from(body).toString(), key))
      socket.destroy()
      return answer.slice(9, 12)
    }
    const redemption = encodeRequestData({ hex: 'A'.repeat(32) })
    t.equal(await status('127.0.0.7', encodeRequestTicket(DATA)), '200')
    t.equal(await status('127.0.0.7', redemption), '403')
    t.equal(await status('127.0.0.8', redemption), '200')
    t.equal(await status('127.0.0.8', encodeRequestTicket(DATA)), '403')
    t.equal(await status('127.0.0.1', redemption), '403')
    t.ok(scene.house.events('insecure').length > 0, 'it warns when it starts')
  },
)

t.test('the all-zero ticket is unknown, and no failure', async (t) => {
  const scene = await Scene.set(t)
  t.equal(await scene.redeem(ALL_ZERO), 'DH_TICKET_UNKNOWN')
  t.equal(await scene.redeem('0'.repeat(30)), 'DH_TICKET_UNKNOWN')
  t.equal(await scene.counted('doublehop_failures_total'), 0)
  t.equal(await scene.redeem('A'.repeat(32)), 'DH_TICKET_UNKNOWN')
  t.equal(
    await scene.counted('doublehop_failures_total', { code: 'DH_TICKET_UNKNOWN' }),
    1,
    'another one is',
  )
})

t.test('an STA that is full says so, and counts it', async (t) => {
  const scene = await Scene.set(t, { maxTickets: 2 })
  const [ticket] = [await scene.issue(), await scene.issue()]
  t.equal(await scene.issue(), 'DH_STA_FULL', 'the storefront is told')
  t.match(scene.house.events('sta-refused').at(-1), {
    code: 'DH_STA_FULL',
    level: 'error',
    msg: 'the STA holds 2 live tickets and takes no more',
    action: /sta\.maxTickets/,
  })
  t.equal(await scene.counted('doublehop_failures_total', { code: 'DH_STA_FULL' }), 1)
  t.same(await scene.redeem(ticket), DATA)
  t.match(await scene.issue(), /^[0-9A-F]{32}$/)
})

t.test('what is no request of the protocol is refused, each with its status', async (t) => {
  const scene = await Scene.set(t)
  const good = httpPost(Buffer.from(encodeRequestData({ hex: ALL_ZERO })).toString())
  const long = (size: number): string =>
    httpPost(
      Buffer.from(encodeRequestData({ hex: ALL_ZERO }))
        .toString()
        .padEnd(size),
    )
  for (const [what, request, status] of [
    ['as it should be', good, 200],
    ['the path in any letter case', good.replace(STA_PATH, '/SCRIPTS/ctxsta.DLL'), 200],
    ['another path', good.replace(STA_PATH, '/scripts/wpnbr.dll'), 404],
    ['a query', good.replace(STA_PATH, `${STA_PATH}?x`), 404],
    ['another method', good.replace('POST', 'PUT'), 405],
    ['another content type', good.replace('text/xml', 'application/json'), 415],
    ['no content type', good.replace('Content-Type: text/xml\r\n', ''), 415],
    ['XML that is broken', httpPost('<CtxSTAProtocol>'), 400],
    ['another document', httpPost('<html/>'), 400],
    ['nothing', httpPost(''), 400],
    ['64 KiB', long(STA_LIMIT), 200],
    ['one byte more', long(STA_LIMIT + 1), 413],
  ] as const) {
    const hop = await Hop.open(scene.house, scene.sta, { as: 'proxy' })
    t.equal((await hop.ask(request)).status, status, what)
    hop.destroy()
  }
})

t.test('a request that does not come to its end is cut in time', async (t) => {
  const scene = await Scene.set(t, { limits: { request: '300 ms' } })
  const request = httpPost(Buffer.from(encodeRequestData({ hex: ALL_ZERO })).toString())
  const took = ['', 'POST /Scr', request.slice(0, -10)].map(async (beginning) => {
    const hop = await Hop.open(scene.house, scene.sta, { as: 'proxy' })
    const began = performance.now()
    hop.write(beginning)
    await hop.rest()
    return performance.now() - began
  })
  for (const milliseconds of await Promise.all(took))
    t.ok(milliseconds < 4000, `after ${milliseconds} ms`)
})

t.test('an STA whose connections are all taken serves again when one ends', async (t) => {
  const scene = await Scene.set(t, { limits: { connections: 2 } })
  const [one] = [
    await Hop.open(scene.house, scene.sta, { as: 'proxy' }),
    await Hop.open(scene.house, scene.sta, { as: 'proxy' }),
  ]
  await until(
    () => shownBy(scene.sta.at.admin),
    ({ requests }) => requests.length === 2,
  )
  await t.rejects(Hop.open(scene.house, scene.sta, { as: 'proxy' }))
  t.equal(await scene.counted('doublehop_failures_total', { code: 'DH_LIMIT_SESSIONS' }), 1)
  one.destroy()
  await until(
    () => outcome(scene.proxy.redeem(scene.sta, ALL_ZERO)),
    (code) => code === 'DH_TICKET_UNKNOWN',
  )
})

t.test('log lines tell who asked for what and in whose name, and no ticket', async (t) => {
  const scene = await Scene.set(t)
  const ticket = String(await scene.issue())
  await scene.redeem(ticket)
  await scene.redeem(ticket)
  const unknown = randomBytes(16).toString('hex').toUpperCase()
  await scene.redeem(unknown)
  await scene.redeem(ticket, scene.gateway)
  t.match(
    scene.house.log.map(({ event, code, peerName }) => [event, code, peerName]),
    [
      ['ticket-issued', undefined, 'storefront'],
      ['ticket-redeemed', undefined, 'proxy'],
      ['sta-refused', 'DH_TICKET_USED', 'proxy'],
      ['sta-refused', 'DH_TICKET_UNKNOWN', 'proxy'],
      ['sta-refused', FORBIDDEN, 'gateway'],
    ],
  )
  const everything = JSON.stringify(scene.house.log)
  for (const secret of [ticket, unknown, scene.house.read('sta/service.key')])
    t.notOk(everything.includes(secret.slice(0, 12)))

  const forged = 'ffffffffffffffffffffffffffffffff"}\\n{"level":"error'
  const hop = await Hop.open(scene.house, scene.sta, { as: 'proxy' })
  await hop.ask(
    httpPost(
      Buffer.from(encodeRequestData({ hex: ALL_ZERO })).toString(),
      `Doublehop-Session: ${forged}\r\n`,
    ),
  )
  t.equal(scene.house.log.at(-1)?.session, undefined, 'what is no session id does not get there')
  hop.destroy()
})

function connectNameless({ sta }: Scene): Socket {
  const { host, port } = sta.at.listen ?? { host: '', port: 0 }
  return connectTls({ host, port, rejectUnauthorized: false })
}

/** Writes a request and reads until its answer is whole. */
async function ask(socket: Socket, request: string): Promise<string> {
  let held = ''
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const onData = (bytes: Buffer): void => {
    held += bytes.toString()
    const length = Number(/content-length: (\d+)/i.exec(held)?.[1] ?? 0)
    const end = held.indexOf('\r\n\r\n')
    if (end >= 0 && held.length >= end + 4 + length) resolve(held)
  }
  socket.on('data', onData).once('error', reject)
  socket.write(request)
  return await promise.finally(() => socket.off('data', onData))
}
