import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { Destinations } from '@doublehop/proxy/destinations'
import { settingsSchema } from '@doublehop/settings/schema'
import { type Endpoint, formatEndpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import t, { type Test } from 'tap'
import { connectVia, grantFor } from './kit/hop.ts'
import { House, type LogLine, type Running } from './kit/house.ts'
import { StaCaller } from './kit/sta-caller.ts'
import { StubVda } from './kit/stub-vda.ts'

const DENIED = 2
const EVERYTHING = {
  allowLoopback: true,
  allowLinkLocal: true,
  allowMulticast: true,
  allowUnspecified: true,
  allowTranslated: true,
}

/** A storefront that publishes what it should not, and a gateway that has the grant for it. */
class Scene {
  readonly house: House
  readonly sta: Running
  readonly #storefront: StaCaller

  constructor(t: Test, house: House, sta: Running) {
    this.house = house
    this.sta = sta
    this.#storefront = new StaCaller(t, house, 'storefront')
  }

  static async set(t: Test): Promise<Scene> {
    const house = new House(t)
    return new Scene(t, house, await house.sta())
  }

  proxy(more: object = {}, url = `https://${this.sta.where()}`): Promise<Running> {
    return this.house.proxy([{ id: 'STA01', urls: [url] }], more)
  }

  /** Has a ticket issued for this address, redeems it, and CONNECTs there with the grant. */
  async reach(proxy: Running, address: string): Promise<string> {
    const ticket = await this.#storefront.issue(this.sta, [{ name: 'CGPAddress', value: address }])
    const session = randomBytes(16).toString('hex')
    const grant = await grantFor(
      this.house,
      proxy,
      this.sta.at.listen as Endpoint,
      ticket.reveal(),
      { session },
    )
    const { reply, hop, milliseconds } = await connectVia(
      this.house,
      proxy,
      parseEndpoint(address) as Endpoint,
      [session, grant],
    )
    hop.destroy()
    if (reply === 0) return 'connected'
    const isOurs = (line: LogLine): boolean =>
      line.session === session || line.event === 'relay-refused'
    const { code, msg } =
      this.house.log.findLast((line) => isOurs(line) && line.code !== undefined) ?? {}
    if (reply === DENIED && milliseconds < 249) return `denied after ${milliseconds} ms`
    return code === 'DH_DESTINATION_FORBIDDEN' && reply === DENIED
      ? String(msg)
      : `${reply} ${code}`
  }
}

t.test('a grant never leads to the proxy itself, nor to an STA', async (t) => {
  const scene = await Scene.set(t)
  const proxy = await scene.proxy()
  for (const listener of ['listen', 'admin']) {
    t.match(await scene.reach(proxy, proxy.where(listener)), /a listener of this proxy$/, listener)
  }
  const { port } = proxy.at.admin as Endpoint
  t.match(
    await scene.reach(proxy, `localhost:${port}`),
    /a listener of this proxy$/,
    'by a name that leads there',
  )
  t.match(
    await scene.reach(proxy, `localhost:${scene.sta.at.listen?.port}`),
    /an STA$/,
    'the STA by a name',
  )
  t.match(
    await scene.reach(proxy, scene.sta.where()),
    /an STA is only reached with "-"/,
    'the STA by its address',
  )
})

t.test('an STA that is configured by a name is known by its address', async (t) => {
  const scene = await Scene.set(t)
  const { port } = scene.sta.at.listen as Endpoint
  const stub = await StubVda.listen(t)
  const permit = permitOf({ stas: [{ urls: [`https://localhost:${port}`] }], ...EVERYTHING })
  t.match(await permit(`127.0.0.1:${port}`), /an STA$/)
  t.match(await permit(`[::ffff:127.0.0.1]:${port}`), /an STA$/, 'IPv4-mapped')
  t.match(await permit(`[64:ff9b::127.0.0.1]:${port}`), /an STA$/, 'NAT64')
  t.equal(await permit(stub.where), 'permitted', 'another port is none')
})

t.test(
  'an STA whose name does not resolve may be anywhere, so its port is nowhere open',
  async (t) => {
    const permit = permitOf({ stas: [{ urls: ['https://sta.invalid:8080'] }] })
    t.match(await permit('10.0.0.5:8080'), /sta\.invalid, an STA, does not resolve/)
    t.equal(await permit('10.0.0.5:2598'), 'permitted')
  },
)

t.test('special addresses are not dialled unless the settings say so', async (t) => {
  const scene = await Scene.set(t)
  const vda = await StubVda.listen(t)
  const vda6 = await StubVda.listen(t, undefined, '::1')
  const strict = await scene.proxy({ allowLoopback: false })
  const { port } = vda.at
  const special = [
    [vda.where, 'loopback'],
    ['127.255.255.254:80', 'loopback'],
    [vda6.where, 'loopback'],
    [`localhost:${port}`, 'loopback'],
    ['169.254.169.254:80', 'link-local'],
    ['[fe80::1]:80', 'link-local'],
    ['[febf:ffff::1]:80', 'link-local'],
    ['224.0.0.1:80', 'multicast or broadcast'],
    ['239.255.255.250:80', 'multicast or broadcast'],
    ['255.255.255.255:80', 'multicast or broadcast'],
    ['[ff02::1]:80', 'multicast or broadcast'],
    [`0.0.0.0:${port}`, 'unspecified'],
    ['0.1.2.3:80', 'unspecified'],
    [`[::]:${port}`, 'unspecified'],
    [`[::ffff:127.0.0.1]:${port}`, 'NAT64, 6to4 or IPv4-mapped'],
    ['[::ffff:10.0.0.5]:80', 'NAT64, 6to4 or IPv4-mapped'],
    [`[::127.0.0.1]:${port}`, 'NAT64, 6to4 or IPv4-mapped'],
    ['[64:ff9b::10.0.0.5]:80', 'NAT64, 6to4 or IPv4-mapped'],
    ['[64:ff9b:1::10.0.0.5]:80', 'NAT64, 6to4 or IPv4-mapped'],
    ['[2002:a00:5::1]:80', 'NAT64, 6to4 or IPv4-mapped'],
  ] as const
  const refusals = await Promise.all(special.map(([address]) => scene.reach(strict, address)))
  for (const [at, [address, kind]] of special.entries()) {
    t.match(refusals[at], new RegExp(`a ${kind} address$`), address)
  }
  t.equal(vda.sessions.length + vda6.sessions.length, 0, 'nothing was dialled')
  const loose = await scene.proxy({ allowLoopback: true })
  t.equal(await scene.reach(loose, vda.where), 'connected')
  t.equal(await scene.reach(loose, vda6.where), 'connected')
})

t.test('an IPv4 address in disguise is judged as what it is', async (t) => {
  const permit = permitOf({
    allowTranslated: true,
    own: '10.0.0.9:1080',
    stas: [{ urls: ['https://10.0.0.8:8080'] }],
  })
  for (const [plain, why] of [
    ['127.0.0.1', 'a loopback address'],
    ['169.254.169.254', 'a link-local address'],
    ['224.0.0.1', 'a multicast or broadcast address'],
    ['0.0.0.0', 'an? unspecified address'],
    ['10.0.0.9', 'a listener of this proxy'],
    ['10.0.0.8', 'an STA'],
  ] as const) {
    const [a, b, c, d] = plain.split('.').map(Number) as [number, number, number, number]
    const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
    const port = why === 'an STA' ? 8080 : 1080
    for (const disguise of [
      `::ffff:${plain}`,
      `64:ff9b::${plain}`,
      `64:ff9b:1::${plain}`,
      `2002:${hex}::1`,
    ]) {
      t.match(
        await permit(`[${disguise}]:${port}`),
        new RegExp(`${why}$`),
        `${disguise} is ${plain}`,
      )
    }
  }
  t.equal(
    await permit('[64:ff9b::10.0.0.5]:2598'),
    'permitted',
    'an ordinary one is dialled where the settings allow it',
  )
  t.equal(await permit('[2001:db8::10.0.0.9]:1080'), 'permitted', 'no disguise')
})

t.test('a listener on all addresses is reached by none of them', async (t) => {
  const here = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  for (const wildcard of ['0.0.0.0:1080', '[::]:1080']) {
    const permit = permitOf({ ...EVERYTHING, own: wildcard })
    for (const { address } of here.filter(({ address }) => !address.startsWith('fe80'))) {
      t.match(
        await permit(formatEndpoint({ host: address, port: 1080 })),
        /a listener of this proxy$/,
        address,
      )
    }
    t.match(await permit('127.9.9.9:1080'), /a listener of this proxy$/)
    t.match(await permit('0.0.0.0:1080'), /a listener of this proxy$/)
    t.equal(await permit('192.0.2.1:1080'), 'permitted', 'another host')
    t.equal(await permit('127.0.0.1:1081'), 'permitted', 'another port')
  }
  const loopback = permitOf({ ...EVERYTHING, own: '127.0.0.1:9100' })
  t.match(
    await loopback('0.0.0.0:9100'),
    /a listener of this proxy$/,
    'who connects to 0.0.0.0 reaches this host',
  )
  t.match(await loopback('[::]:9100'), /a listener of this proxy$/)
})

t.test('networks and ports of the settings bound what grants may lead to', async (t) => {
  const scene = await Scene.set(t)
  const vda = await StubVda.listen(t)
  const other = await StubVda.listen(t)
  const ports = await scene.proxy({ destinations: { ports: [vda.at.port] } })
  t.equal(await scene.reach(ports, vda.where), 'connected')
  t.match(await scene.reach(ports, other.where), /outside destinations\.ports$/)
  const networks = await scene.proxy({ destinations: { networks: ['127.0.0.2/32', '10.0.0.0/8'] } })
  t.match(await scene.reach(networks, vda.where), /outside destinations\.networks$/)
  t.match(
    await scene.reach(networks, `localhost:${vda.at.port}`),
    /outside destinations\.networks$/,
    'a name is judged by where it leads',
  )
  const elsewhere = await StubVda.listen(t, undefined, '127.0.0.2')
  t.equal(await scene.reach(networks, elsewhere.where), 'connected')
})

t.test('an address that no ticket can hold grants nothing', async (t) => {
  const scene = await Scene.set(t)
  const proxy = await scene.proxy()
  const storefront = new StaCaller(t, scene.house, 'storefront')
  for (const value of [
    '127.0.0.1',
    ':22',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '127.1:22',
    '0x7f000001:22',
    '2130706433:22',
    '[::1%lo]:22',
    '::1:22',
    '127.0.0.1:22 ',
    'a b:22',
    '127.0.0.1:22:localhost:1494:more',
    'user@127.0.0.1:22',
    'http://127.0.0.1:22',
  ]) {
    const ticket = await storefront.issue(scene.sta, [{ name: 'CGPAddress', value }])
    const asked = grantFor(scene.house, proxy, scene.sta.at.listen as Endpoint, ticket.reveal())
    // Blanks around an address are not looked at, and a port of the VDA may stand behind it.
    if (value === '127.0.0.1:22 ') t.match(await asked, /^[\w-]{120}$/)
    else await t.rejects(asked, { message: /^no grant: 200 / }, JSON.stringify(value))
  }
})

/** Asks a proxy with these settings for its judgement of an address, without dialling it. */
function permitOf({
  own,
  ...more
}: {
  own?: string
  stas?: object[]
  [key: string]: unknown
}): (address: string) => Promise<string> {
  const proxy = {
    listen: '127.0.0.1:0',
    identity: { certificate: 'x', key: 'x', ca: 'x' },
    grants: { keys: ['file:x'] },
    stas: [{ urls: ['https://192.0.2.200:443'] }],
    ...more,
  }
  const settings = settingsSchema('/').parse({ proxy }).proxy
  if (settings === undefined) throw new Error('no settings')
  const destinations = new Destinations(settings)
  if (own !== undefined) destinations.protect([parseEndpoint(own) as Endpoint])
  return async (address) => {
    const endpoint = parseEndpoint(address)
    if (endpoint === undefined) throw new Error(`no address: ${address}`)
    return await destinations.permit(endpoint).then(
      () => 'permitted',
      ({ message }) => message,
    )
  }
}
