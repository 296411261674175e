import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { issueCertificate } from '@doublehop/pki/certificate'
import type { Endpoint } from '@doublehop/wire/endpoint'
import t, { type Test } from 'tap'
import { FrailRedis } from './kit/frail-redis.ts'
import {
  asName,
  type ConnectAnswer,
  connectVia,
  grantFor,
  Hop,
  SESSION,
  type Showing,
} from './kit/hop.ts'
import { House, type Running } from './kit/house.ts'
import { StaCaller } from './kit/sta-caller.ts'
import { StubVda } from './kit/stub-vda.ts'
import { missing } from './kit/tools.ts'
import { until } from './kit/wait.ts'

const DENIED = 2
const OTHER_SESSION = 'f'.repeat(32)

/** A proxy and an STA, a server that counts who comes, and a broken-into gateway that can do what it likes. */
class Scene {
  readonly house: House
  readonly sta: Running
  readonly proxy: Running
  readonly vda: StubVda
  readonly #storefront: StaCaller

  private constructor(
    house: House,
    sta: Running,
    proxy: Running,
    vda: StubVda,
    storefront: StaCaller,
  ) {
    this.house = house
    this.sta = sta
    this.proxy = proxy
    this.vda = vda
    this.#storefront = storefront
  }

  static async set(t: Test, proxySettings: object = {}): Promise<Scene> {
    const house = new House(t)
    const sta = await house.sta()
    const proxy = await house.proxy(stasOf(sta), proxySettings)
    return new Scene(
      house,
      sta,
      proxy,
      await StubVda.listen(t),
      new StaCaller(t, house, 'storefront'),
    )
  }

  /** A ticket of the storefront for this address, or for the counting server. */
  async ticket(
    addresses: { cgp?: string; ica?: string } = { cgp: this.vda.where },
  ): Promise<string> {
    const { cgp, ica } = addresses
    const ticket = await this.#storefront.issue(this.sta, [
      ...(cgp ? [{ name: 'CGPAddress', value: cgp }] : []),
      ...(ica ? [{ name: 'ICAAddress', value: ica }] : []),
    ])
    return ticket.reveal()
  }

  /** Redeems a new ticket through the relay: the grant for its addresses. */
  async grant(
    addresses?: { cgp?: string; ica?: string },
    showing: Showing & { session?: string; proxy?: Running } = {},
  ): Promise<string> {
    const { proxy = this.proxy } = showing
    return await grantFor(
      this.house,
      proxy,
      this.sta.at.listen as Endpoint,
      await this.ticket(addresses),
      showing,
    )
  }

  /** CONNECTs with a grant, and names the reply. */
  async connect(
    grant: string,
    {
      to = this.vda.at,
      session = SESSION,
      proxy = this.proxy,
      ...showing
    }: Showing & { to?: Endpoint; session?: string; proxy?: Running } = {},
  ): Promise<number> {
    return (await connectVia(this.house, proxy, to, [session, grant], showing)).reply
  }

  /** Why the proxy refused last. */
  get refusal(): string | undefined {
    return this.house.events('launch-failed').at(-1)?.code
  }
}

t.test('a grant opens one connection, to where its ticket led', async (t) => {
  const scene = await Scene.set(t)
  const grant = await scene.grant()
  t.equal(grant.length, 120)
  const { hop, reply } = await connectVia(scene.house, scene.proxy, scene.vda.at, [SESSION, grant])
  t.equal(reply, 0)
  hop.write('through both hops')
  t.equal((await hop.read(17)).toString(), 'through both hops')

  t.equal(await scene.connect(grant), DENIED, 'the second time it is refused')
  t.equal(scene.refusal, 'DH_GRANT_SPENT')
  t.equal(scene.vda.sessions.length, 1, 'and nothing was dialled')
})

t.test('of twenty CONNECTs with one grant at once, one gets through', async (t) => {
  const scene = await Scene.set(t)
  const grant = await scene.grant()
  const replies = await Promise.all(Array.from({ length: 20 }, () => scene.connect(grant)))
  t.same(
    replies.toSorted((a, b) => a - b),
    [0, ...new Array(19).fill(DENIED)],
  )
  t.equal(scene.vda.sessions.length, 1)
})

t.test('a grant is spent by the first CONNECT even where nothing answers', async (t) => {
  const scene = await Scene.set(t)
  const down = await freeAddress()
  const grant = await scene.grant({ cgp: `127.0.0.1:${down.port}` })
  t.equal(await scene.connect(grant, { to: down }), 5, 'connection refused')
  const server = createServer((socket) => socket.destroy()).listen(down.port, down.host)
  t.teardown(() => server.close())
  t.equal(
    await scene.connect(grant, { to: down }),
    DENIED,
    'now it would answer, but the grant is gone',
  )
  t.equal(scene.refusal, 'DH_GRANT_SPENT')
})

t.test('a grant for CGP and ICA address covers either, but one of them only', async (t) => {
  const scene = await Scene.set(t)
  const ica = await StubVda.listen(t)
  const pair = { cgp: scene.vda.where, ica: ica.where }
  const first = await scene.grant(pair)
  t.equal(await scene.connect(first, { to: ica.at }), 0, 'the ICA address')
  t.equal(await scene.connect(first), DENIED, 'not the CGP address as well')
  t.equal(scene.refusal, 'DH_GRANT_SPENT')
  t.equal(await scene.connect(await scene.grant(pair)), 0, 'the CGP address')
})

t.test('a grant holds for nothing else than it was minted for', async (t) => {
  const scene = await Scene.set(t, { allow: { names: ['gateway', 'gateway-2'] } })
  const other = await StubVda.listen(t)
  const otherFace = await StubVda.listen(t, undefined, '::1')
  addGateway(scene.house, 'gateway-2')
  const grant = await scene.grant()
  const { port } = scene.vda.at
  const attempts: Record<string, Promise<number>> = {
    'another port': scene.connect(grant, { to: other.at }),
    'another address': scene.connect(grant, { to: { host: '127.0.0.2', port } }),
    'an IPv6 address': scene.connect(grant, { to: otherFace.at }),
    'the same address, IPv4-mapped': scene.connect(grant, {
      to: { host: '::ffff:127.0.0.1', port },
    }),
    'the same address by a name': scene.connect(grant, { to: { host: 'localhost', port } }),
    'another session': scene.connect(grant, { session: OTHER_SESSION }),
    'another gateway, listed as well': scene.connect(grant, { as: 'gateway-2' }),
    'no session id': scene.connect(grant, { session: 'gateway' }),
    'a session id in capitals': scene.connect(grant, { session: SESSION.toUpperCase() }),
    'a session id and a blank': scene.connect(grant, { session: `${SESSION} ` }),
  }
  for (const [what, reply] of Object.entries(attempts)) t.equal(await reply, DENIED, what)
  t.equal(
    other.sessions.length + otherFace.sessions.length + scene.vda.sessions.length,
    0,
    'nothing was dialled',
  )
  t.equal(await scene.connect(grant), 0, 'what does not fit spends nothing: it still opens its own')
})

t.test('a listed gateway cannot use what another one was given', async (t) => {
  const scene = await Scene.set(t, { allow: { names: ['gateway', 'gateway-2'] } })
  addGateway(scene.house, 'gateway-2')
  const grant = await scene.grant(undefined, { as: 'gateway-2' })
  t.equal(await scene.connect(grant), DENIED)
  t.equal(scene.refusal, 'DH_GRANT_MISMATCH')
  t.equal(await scene.connect(grant, { as: 'gateway-2' }), 0, 'the other one can')
})

t.test('a gateway is known by the first DNS name of its certificate alone', async (t) => {
  const scene = await Scene.set(t, { allow: { names: ['GateWay'] } })
  addGateway(scene.house, 'stranger', ['stranger.example', 'gateway'])
  addGateway(scene.house, 'capitals', ['GATEWAY'])
  const stranger = await Hop.open(scene.house, scene.proxy, { as: 'stranger' })
  t.equal(
    (await stranger.rest()).length,
    0,
    'gateway as second name is a stranger, and hears nothing',
  )
  t.equal(scene.house.events('hop-refused').at(-1)?.code, 'DH_PEER_NOT_LISTED')
  const grant = await scene.grant(undefined, { as: 'capitals' })
  t.equal(await scene.connect(grant), 0, 'names compare without regard to case')
})

t.test('a grant that was tampered with, cut or made up is refused', async (t) => {
  const scene = await Scene.set(t)
  const grant = await scene.grant()
  const bytes = Buffer.from(grant, 'base64url')
  const changed = (at: number): string => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy.toString('base64url')
  }
  const attempts: Record<string, Promise<number>> = {
    'the version': scene.connect(changed(0)),
    'the key id': scene.connect(changed(1)),
    'the expiry': scene.connect(changed(8)),
    'its name': scene.connect(changed(10)),
    'the MAC': scene.connect(changed(26)),
    'the last byte of the MAC': scene.connect(changed(57)),
    'one character less': scene.connect(grant.slice(0, -1)),
    'one character more': scene.connect(`${grant}A`),
    'a pad at its end': scene.connect(`${grant}=`),
    'the head alone': scene.connect(bytes.subarray(0, 26).toString('base64url')),
    'made up': scene.connect(randomBytes(90).toString('base64url')),
    'a dash': scene.connect('-'),
    '255 characters': scene.connect('A'.repeat(255)),
  }
  for (const [what, reply] of Object.entries(attempts)) t.equal(await reply, DENIED, what)
  t.equal(scene.vda.sessions.length, 0)
  t.equal(await scene.connect(grant), 0, 'as it was, it is good')
})

t.test('a grant expires', async (t) => {
  const scene = await Scene.set(t, {
    grants: { keys: ['file:certs/proxy/grant.key'], lifetime: '1 s' },
  })
  const quick = await scene.grant()
  t.equal(await scene.connect(quick), 0, 'within its lifetime it is good')
  const slow = await scene.grant()
  await new Promise((resolve) => setTimeout(resolve, 1001))
  t.equal(await scene.connect(slow), DENIED)
  t.equal(scene.refusal, 'DH_GRANT_EXPIRED')
})

const withoutRedis = missing('redis-server')

t.test(
  "proxies that share a Redis take each other's grants, each once in total",
  { skip: withoutRedis },
  async (t) => {
    const scene = await Scene.set(t)
    const { store } = await FrailRedis.start(t)
    const shared = { grants: { keys: ['file:certs/proxy/grant.key'], store } }
    const first = await scene.house.proxy(stasOf(scene.sta), shared)
    const second = await scene.house.proxy(stasOf(scene.sta), shared)

    const grant = await scene.grant(undefined, { proxy: first })
    t.equal(await scene.connect(grant, { proxy: second }), 0, 'minted at one, taken at the other')
    t.equal(await scene.connect(grant, { proxy: first }), DENIED, 'spent at both')
    t.equal(await scene.connect(grant, { proxy: second }), DENIED)
    t.equal(scene.refusal, 'DH_GRANT_SPENT')

    const wanted = await scene.grant(undefined, { proxy: first })
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        scene.connect(wanted, { proxy: at % 2 ? first : second }),
      ),
    )
    t.same(
      replies.toSorted((a, b) => a - b),
      [0, ...new Array(9).fill(DENIED)],
      'ten times at once: one',
    )
    t.equal(
      await scene.connect(await scene.grant(), { proxy: first }),
      DENIED,
      'one of a proxy that does not share is not taken',
    )
  },
)

t.test(
  'keys rotate: a proxy takes grants of its second key, and none of a key that is gone',
  { skip: withoutRedis },
  async (t) => {
    const scene = await Scene.set(t)
    const redis = await FrailRedis.start(t)
    for (const name of ['old', 'young'])
      writeFileSync(join(scene.house.folder, name), randomBytes(32).toString('base64url'))
    const proxyWith = (...keys: string[]): Promise<Running> =>
      scene.house.proxy(stasOf(scene.sta), {
        grants: { keys: keys.map((key) => `file:${key}`), store: redis.store },
      })
    const before = await proxyWith('old')
    const between = await proxyWith('young', 'old')
    const after = await proxyWith('young')

    t.equal(
      await scene.connect(await scene.grant(undefined, { proxy: before }), { proxy: between }),
      0,
      'old key, while both are valid',
    )
    t.equal(
      await scene.connect(await scene.grant(undefined, { proxy: between }), { proxy: after }),
      0,
      'the first key mints',
    )
    t.equal(
      await scene.connect(await scene.grant(undefined, { proxy: before }), { proxy: after }),
      DENIED,
      'the old key is gone',
    )
    t.equal(scene.refusal, 'DH_GRANT_MISMATCH')
  },
)

t.test(
  'that a grant is spent is remembered longer than the clocks of proxies can differ',
  { skip: withoutRedis },
  async (t) => {
    const scene = await Scene.set(t)
    const redis = await FrailRedis.start(t)
    const proxy = await scene.house.proxy(stasOf(scene.sta), {
      grants: { keys: ['file:certs/proxy/grant.key'], store: redis.store },
    })
    t.equal(await scene.connect(await scene.grant(undefined, { proxy }), { proxy }), 0)
    const client = redis.client()
    const [mark = ''] = await client.keys('*')
    t.match(mark, /^doublehop:spent:grant:[0-9a-f]{32}$/, 'only the name of the grant is kept')
    t.ok((await client.pttl(mark)) > 600_000, 'more than ten minutes')
    client.disconnect()
  },
)

t.test(
  'while the store of spent grants is away nothing is let through, and nothing twice',
  { skip: withoutRedis },
  async (t) => {
    const scene = await Scene.set(t)
    const redis = await FrailRedis.start(t)
    const proxy = await scene.house.proxy(stasOf(scene.sta), {
      grants: { keys: ['file:certs/proxy/grant.key'], store: redis.store, lifetime: '1 min' },
    })
    const spent = await scene.grant(undefined, { proxy })
    const kept = await scene.grant(undefined, { proxy })
    t.equal(await scene.connect(spent, { proxy }), 0)
    await redis.stop()
    t.equal(await scene.connect(kept, { proxy }), 1)
    t.equal(scene.refusal, 'DH_GRANT_STORE')
    t.equal(scene.vda.sessions.length, 1, 'nothing was dialled')
    await redis.start()
    await until(
      async () => (await fetch(`http://${proxy.where('admin')}/readyz`)).text(),
      (body) => /"store": "ready"/.test(body),
    )
    t.equal(await scene.connect(spent, { proxy }), DENIED, 'what was spent stays spent')
    t.equal(await scene.connect(kept, { proxy }), 0, 'what was not is still good')
  },
)

t.test(
  'a store that hangs lets nothing through, and what it did meanwhile counts',
  { skip: withoutRedis },
  async (t) => {
    const scene = await Scene.set(t)
    const redis = await FrailRedis.start(t)
    const proxy = await scene.house.proxy(stasOf(scene.sta), {
      grants: { keys: ['file:certs/proxy/grant.key'], store: redis.store, lifetime: '1 min' },
    })
    const grant = await scene.grant(undefined, { proxy })
    redis.freeze()
    t.equal(await scene.connect(grant, { proxy }), 1)
    t.equal(scene.refusal, 'DH_GRANT_STORE')
    redis.thaw()
    t.equal(
      await scene.connect(grant, { proxy }),
      DENIED,
      'the mark was made after all, so the grant is spent',
    )
    t.equal(scene.vda.sessions.length, 0)
  },
)

t.test('with secure: off a grant is bound to the address the gateway comes from', async (t) => {
  const scene = await Scene.set(t, { secure: 'off', allow: { networks: ['127.0.0.0/8'] } })
  const grant = await scene.grant(undefined, { as: 'plain', from: '127.0.0.2' })
  t.equal(
    await scene.connect(grant, { as: 'plain', from: '127.0.0.3' }),
    DENIED,
    'from another address',
  )
  t.equal(scene.refusal, 'DH_GRANT_MISMATCH')
  t.equal(await scene.connect(grant, { as: 'plain', from: '127.0.0.2' }), 0)
})

t.test(
  'a grant is worth nothing at another proxy with the same key, nor at the same one after a restart',
  async (t) => {
    const scene = await Scene.set(t)
    const second = await scene.house.proxy(stasOf(scene.sta))
    const grant = await scene.grant()
    t.equal(await scene.connect(grant, { proxy: second }), DENIED)
    t.equal(scene.refusal, 'DH_GRANT_MISMATCH')
    const { port } = scene.proxy.at.listen as Endpoint
    await scene.proxy.close()
    const restarted = await scene.house.proxy(stasOf(scene.sta), { listen: `127.0.0.1:${port}` })
    t.equal(
      await scene.connect(grant, { proxy: restarted }),
      DENIED,
      'what was spent before the restart is forgotten, so nothing of then is good',
    )
    t.equal(
      await scene.connect(await scene.grant(undefined, { proxy: restarted }), { proxy: restarted }),
      0,
    )
  },
)

t.test('without a grant nothing at all can be reached', async (t) => {
  const house = new House(t)
  const { sta, vda, proxy, storefront, gateway } = await house.doubleHop()
  const counting = await StubVda.listen(t)
  const counting6 = await StubVda.listen(t, undefined, '::1')
  const listeners = [sta, vda, proxy, storefront, gateway].flatMap(({ at }) => Object.values(at))
  const ports = [...listeners, counting.at, counting6.at].map(({ port }) => port)
  const answers: Promise<ConnectAnswer & { what: string }>[] = []
  const attempt = (what: string, host: string | Uint8Array, port: number): void => {
    const login = [SESSION, 'A'.repeat(120)] as const
    answers.push(
      connectVia(house, proxy, { host, port }, login).then((answer) => ({
        ...answer,
        what: `${what}, port ${port}`,
      })),
    )
  }
  for (const port of ports) {
    attempt('IPv4', '127.0.0.1', port)
    attempt('IPv6', '::1', port)
    attempt('IPv4-mapped', '::ffff:127.0.0.1', port)
    attempt('a name', 'localhost', port)
  }
  for (const name of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '[::1]',
    '::1',
    'localhost.',
    'localhost@sta',
    ' 127.0.0.1',
    '*',
  ]) {
    attempt(`the name "${name}"`, asName(name), counting.at.port)
  }
  attempt('port 0', '127.0.0.1', 0)
  attempt('unspecified', '0.0.0.0', counting.at.port)
  for (const { reply, what, milliseconds } of await Promise.all(answers)) {
    t.equal(reply, DENIED, what)
    t.ok(milliseconds >= 249, `no earlier than 250 ms, ${what}`)
  }
  t.equal(counting.sessions.length + counting6.sessions.length, 0, 'nothing was dialled')
  t.equal(house.steps().filter(({ name }) => name === 'dial').length, 0)
})

function stasOf(sta: Running): object[] {
  return [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
}

/** A certificate of the lab's authority in `certs/<name>/`, with these DNS names. */
function addGateway(house: House, name: string, names: readonly string[] = [name]): void {
  const read = (file: string): string => readFileSync(join(house.folder, 'certs/ca', file), 'utf8')
  const issuer = { cert: read('ca.crt'), key: read('ca.key') }
  const { cert, key } = issueCertificate({ issuer, commonName: 'gateway', names })
  const folder = join(house.folder, 'certs', name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'tls.crt'), cert)
  writeFileSync(join(folder, 'tls.key'), key)
}

/** An address where nothing listens. */
async function freeAddress(): Promise<Endpoint> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return { host: '127.0.0.1', port }
}
