import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { issueCertificate, makeAuthority } from '@doublehop/pki/certificate'
import { StaTicket, Ticket } from '@doublehop/wire/ticket'
import t from 'tap'
import { askAdmin } from './kit/ask-admin.ts'
import { attempt, say } from './kit/attempt.ts'
import { connectVia, Hop, NOBODY, SESSION } from './kit/hop.ts'
import { House } from './kit/house.ts'

/** Attacks that belong to no single protocol: what each zone's neighbour may try, and what comes of it. */

t.test('only a listed gateway gets as far as a SOCKS reply of the proxy', async (t) => {
  const house = new House(t)
  const { proxy, sta } = await house.doubleHop()
  const own = makeAuthority({ commonName: 'doublehop lab CA' })
  const ca = { cert: house.read('ca/ca.crt'), key: house.read('ca/ca.key') }
  const day = 86_400_000
  const shown = {
    'of a stranger with the name of our authority': issueCertificate({
      issuer: own,
      commonName: 'gateway',
    }),
    'that has expired': issueCertificate({
      issuer: ca,
      commonName: 'gateway',
      notBefore: new Date(Date.now() - 2 * day),
      days: 1,
    }),
    'that is not valid yet': issueCertificate({
      issuer: ca,
      commonName: 'gateway',
      notBefore: new Date(Date.now() + day),
    }),
    'for servers only': issueCertificate({
      issuer: ca,
      commonName: 'gateway',
      usages: ['serverAuth'],
    }),
    'with gateway as common name alone': issueCertificate({
      issuer: ca,
      commonName: 'gateway',
      names: ['evil.example'],
    }),
    'with an address for a name': issueCertificate({
      issuer: ca,
      commonName: 'gateway',
      names: ['127.0.0.1'],
    }),
    'for all gateways': issueCertificate({
      issuer: ca,
      commonName: 'gateway',
      names: ['*.gateway'],
    }),
    'for a name below ours': issueCertificate({
      issuer: ca,
      commonName: 'gateway',
      names: ['gateway.evil.example'],
    }),
  }
  for (const [what, credential] of Object.entries(shown)) {
    const folder = join(house.folder, 'certs', what)
    mkdirSync(folder)
    writeFileSync(join(folder, 'tls.crt'), credential.cert)
    writeFileSync(join(folder, 'tls.key'), credential.key)
  }
  const strangers = [...Object.keys(shown), 'storefront', 'sta', 'proxy']
  const answers = await Promise.all(strangers.map((who) => greeted(house, proxy, who)))
  for (const [at, who] of strangers.entries()) t.equal(answers[at], '', `the certificate ${who}`)
  t.equal(await greeted(house, proxy, 'gateway'), '0502', 'the gateway')
  const { reply } = await connectVia(house, proxy, sta.at.listen ?? { host: '', port: 0 }, NOBODY)
  t.equal(reply, 0)
})

t.test(
  'a session id that a gateway makes up joins nothing: log lines name who used it',
  async (t) => {
    const house = new House(t)
    const { proxy, access, ticket } = await house.doubleHop()
    t.equal((await attempt(access, await ticket())).outcome, 'connected')
    const [{ session: victim = SESSION } = {}] = house.steps()
    const { reply } = await connectVia(house, proxy, { host: '127.0.0.1', port: 22 }, [
      victim,
      'A'.repeat(120),
    ])
    t.equal(reply, 2)
    t.match(house.events('launch-failed').at(-1), {
      session: victim,
      peerName: 'gateway',
      code: 'DH_GRANT_FORM',
    })
  },
)

t.test('a client cannot tell the storefront who it is', async (t) => {
  const house = new House(t)
  const { access } = await house.doubleHop()
  const request =
    'GET /apps HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.9.9.9\r\nForwarded: for=10.9.9.9\r\nConnection: close\r\n\r\n'
  const version1 = Buffer.from(`PROXY TCP4 10.9.9.9 10.0.0.1 1 2\r\n${request}`)
  const version2 = Buffer.concat([
    Buffer.from('0d0a0d0a000d0a515549540a2111000c0a0909090a00000100010002', 'hex'),
    Buffer.from(request),
  ])
  t.match((await say(access, version1)).heard.toString(), /^HTTP\/1\.1 400 /)
  t.equal((await say(access, version2)).heard.length, 0, 'which is neither SOCKS nor CGP nor HTTP')
  t.match(
    (await say(access, Buffer.concat([Buffer.from('GET /'), version2]))).heard.toString(),
    /^HTTP\/1\.1 400 /,
  )
  t.match((await say(access, Buffer.from(request))).heard.toString(), /^HTTP\/1\.1 401 /)
  t.notMatch(JSON.stringify(house.log), /10\.9\.9\.9/)
})

t.test(
  'clients that begin a request and do not go on hold no connection of the storefront',
  async (t) => {
    const house = new House(t)
    const { access, storefront } = await house.doubleHop({
      storefront: { limits: { request: '300 ms' } },
    })
    const beginnings = [
      'G',
      'GET /apps HTTP/1.1\r\nHost:',
      `POST /tickets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${house.read('workspace/token')}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    ]
    const ends = await Promise.all(
      beginnings.map((beginning) => say(access, Buffer.from(beginning))),
    )
    for (const { milliseconds } of ends) t.ok(milliseconds < 4000, `ended after ${milliseconds} ms`)
    t.ok(storefront)
  },
)

t.test('a flood of made-up tickets opens no more than eight connections to the STA', async (t) => {
  const house = new House(t)
  const { access, proxy, ticket } = await house.doubleHop({
    gateway: { limits: { dial: '30 s', staRequest: '30 s' } },
  })
  const good = await ticket()
  const madeUp = (at: number): Ticket =>
    new Ticket(40, new StaTicket('STA01', at.toString(16).toUpperCase().padStart(32, 'A')))
  let most = 0
  let flooding = true
  const watch = async (): Promise<void> => {
    while (flooding) {
      const shown = (await (await askAdmin(proxy.where('admin'), '/sessions')).json()) as {
        hopConnections: { what: string }[]
      }
      most = Math.max(most, shown.hopConnections.filter(({ what }) => what === 'sta').length)
    }
  }
  const watching = watch()
  const flood = Promise.all(Array.from({ length: 150 }, (_, at) => attempt(access, madeUp(at))))
  const real = attempt(access, good)
  t.ok((await flood).every(({ outcome }) => outcome === 'DH_SOCKS_DENIED'))
  t.equal((await real).outcome, 'connected', 'a good ticket in the middle of it launches')
  flooding = false
  await watching
  // One that was just given back may be counted beside its successor.
  t.ok(most >= 1 && most <= 10, `${most} at once`)
})

/** What the proxy says to a greeting, as hex; nothing when it hears none. */
async function greeted(
  house: House,
  proxy: Parameters<typeof Hop.open>[1],
  as: string,
): Promise<string> {
  const hop = await Hop.open(house, proxy, { as }).catch(() => undefined)
  if (hop === undefined) return ''
  hop.write(Uint8Array.of(5, 1, 2))
  const heard = await hop.read(2).catch(() => Buffer.alloc(0))
  hop.destroy()
  return heard.toString('hex')
}
