import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { issueCertificate, makeAuthority } from '@doublehop/pki/certificate'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { askAdmin } from './kit/ask-admin.ts'
import { type DaemonProcess, linesOf, startProcess } from './kit/daemon-process.ts'
import { run } from './kit/foreign.ts'
import { House, publish, type Running } from './kit/house.ts'
import { startRedisServer } from './kit/redis-server.ts'
import { read } from './kit/session.ts'
import { missing } from './kit/tools.ts'
import { until } from './kit/wait.ts'

const skip = missing('redis-server', 'redis-cli')

/** All that an STA and a proxy do with Redis. */
const STA_RIGHTS =
  '~doublehop:sta:* -@all +info +get +set +eval +zadd +zrem +zcard +zcount +zremrangebyscore'
const PROXY_RIGHTS = '~doublehop:spent:* -@all +info +set +exists'

t.test('two STAs with one id, in Debian’s redis-server', { skip }, async (t) => {
  const { port } = await startRedisServer(t, (port) => [`port ${port}`])
  const store = `redis://127.0.0.1:${port}`

  t.test('what one issues, the other redeems, once', async (t) => {
    const house = new House(t)
    const [issuing, redeeming] = await twoStas(house, store)
    const { access, ticket } = await around(house, { storefront: [issuing], others: [redeeming] })
    const once = await ticket()
    t.equal(await echoOf(access, once), 'there and back')
    await t.rejects(echoOf(access, once), { code: 'DH_SOCKS_DENIED' })
    const asked = house.log.filter(isAnswer).map(({ daemon, event }) => `${daemon}: ${event}`)
    t.same(asked, ['sta-a: ticket-issued', 'sta-b: ticket-redeemed', 'sta-b: sta-refused'])
  })

  t.test('one killed, the other serves: tickets of before and new ones', async (t) => {
    const house = new House(t)
    const stas = [
      await staProcess(t, house, 'sta-a', store),
      await staProcess(t, house, 'sta-b', store),
    ] as const
    const [first, second] = stas
    const answers = (): unknown[] =>
      linesOf(second.program)
        .filter(isAnswer)
        .map(({ event }) => event)
    const { access, ticket } = await around(house, { storefront: stas, others: stas })
    const before = await ticket()
    t.equal(await echoOf(access, await ticket()), 'there and back')
    t.same(answers(), [], 'the second one has had nothing to do')
    await first.program.stop('SIGKILL')
    t.equal(await echoOf(access, before), 'there and back')
    t.equal(await echoOf(access, await ticket()), 'there and back')
    await until(answers, ({ length }) => length >= 3)
    t.same(answers(), ['ticket-redeemed', 'ticket-issued', 'ticket-redeemed'])
  })
})

t.test(
  'a redis-server that wants user and password, and gives no more rights than are needed',
  { skip },
  async (t) => {
    const house = new House(t)
    const { port } = await startRedisServer(t, (port) => [
      `port ${port}`,
      'user default off',
      `user sta on >secret-of-stas ${STA_RIGHTS}`,
      `user proxy on >secret-of-proxies ${PROXY_RIGHTS}`,
      'user admin on >secret-of-admins ~* +@all',
    ])
    const as = (login: string): string => {
      const file = join(house.folder, `redis-of-${login.replace(':', '-')}`)
      writeFileSync(file, `redis://${login}@127.0.0.1:${port}\n`)
      return `file:${file}`
    }
    const ask = async (...command: string[]): Promise<string> => {
      const login = ['--user', 'admin', '--pass', 'secret-of-admins', '--no-auth-warning']
      return String(
        (await run(t, 'redis-cli', ['-p', `${port}`, ...login, ...command])).stdout,
      ).trim()
    }

    t.test('serves STAs and proxies', async (t) => {
      const stas = await twoStas(house, as('sta:secret-of-stas'))
      const { access, ticket } = await around(house, {
        storefront: stas,
        others: stas,
        grants: as('proxy:secret-of-proxies'),
      })
      const once = await ticket()
      t.equal(await echoOf(access, once), 'there and back')
      await t.rejects(echoOf(access, once), { code: 'DH_SOCKS_DENIED' })
      t.equal(await ask('acl', 'log'), '', 'nobody asked for more than it may')
      t.match(await ask('keys', '*'), /^doublehop:spent:grant:/m, 'the spent grant is there')
      t.match(await ask('keys', '*'), /^doublehop:sta:STA01:/m, 'and the used ticket')
    })

    t.test('keeps an STA with a wrong password from being ready', async (t) => {
      const sta = await house.sta({ store: as('sta:guessed') })
      await complaint(house, /WRONGPASS/)
      t.equal((await askAdmin(sta.at.admin, '/readyz')).status, 503)
    })

    t.test('finds its passwords in no log', async (t) => {
      t.notMatch(JSON.stringify(house.log), /secret-of|guessed/)
    })
  },
)

t.test('a redis-server behind TLS', { skip }, async (t) => {
  const house = new House(t)
  const lab = { cert: house.read('ca/ca.crt'), key: house.read('ca/ca.key') }
  const { port } = await startTlsServer(t, house, 'redis', lab)

  t.test('serves STAs and proxies that show the certificates of the lab', async (t) => {
    const url = `rediss://127.0.0.1:${port}`
    const stas = await twoStas(house, url)
    const { access, ticket } = await around(house, { storefront: stas, others: stas, grants: url })
    t.equal(await echoOf(access, await ticket()), 'there and back')
  })

  t.test('is not believed under a name that its certificate does not hold', async (t) => {
    const sta = await house.sta({ store: `rediss://localhost:${port}` })
    await complaint(house, /localhost/)
    t.equal((await askAdmin(sta.at.admin, '/readyz')).status, 503)
  })

  t.test('is not believed when its certificate is of another authority', async (t) => {
    const strange = await startTlsServer(t, house, 'strange-redis', makeAuthority())
    const sta = await house.sta({ store: `rediss://127.0.0.1:${strange.port}` })
    await complaint(house, /unable to verify/)
    t.equal((await askAdmin(sta.at.admin, '/readyz')).status, 503)
  })
})

/** A redis-server on a TLS port alone that wants certificates of the lab, and shows one of this authority. */
function startTlsServer(
  t: Test,
  house: House,
  name: string,
  issuer: Parameters<typeof issueCertificate>[0]['issuer'],
) {
  const { cert, key } = issueCertificate({ issuer, commonName: name, names: ['127.0.0.1'] })
  writeFileSync(join(house.folder, `${name}.crt`), cert)
  writeFileSync(join(house.folder, `${name}.key`), key, { mode: 0o600 })
  return startRedisServer(t, (port) => [
    'port 0',
    `tls-port ${port}`,
    `tls-cert-file ${join(house.folder, `${name}.crt`)}`,
    `tls-key-file ${join(house.folder, `${name}.key`)}`,
    `tls-ca-cert-file ${join(house.folder, 'certs/ca/ca.crt')}`,
    'tls-auth-clients yes',
  ])
}

/** One of several STAs that share an id and a store. */
function staSection(house: House, store: string): object {
  return {
    authorityId: 'STA01',
    listen: '127.0.0.1:0',
    identity: house.identity('sta'),
    serviceKey: 'file:certs/sta/service.key',
    issuers: { names: ['storefront'] },
    redeemers: { names: ['proxy'] },
    store,
  }
}

async function twoStas(house: House, store: string): Promise<[Running, Running]> {
  const section = staSection(house, store)
  return [await house.start('sta', section, 'sta-a'), await house.start('sta', section, 'sta-b')]
}

function staProcess(t: Test, house: House, name: string, store: string): Promise<DaemonProcess> {
  return startProcess(t, house, 'sta', name, staSection(house, store))
}

/** Where an STA listens. */
type Place = Pick<Running, 'where'>

interface Wiring {
  /** where the storefront has tickets issued */
  readonly storefront: readonly Place[]
  /** where gateway and proxy have them redeemed */
  readonly others: readonly Place[]
  /** where proxies share spent grants */
  readonly grants?: string
}

/** The rest of the house around these STAs, each list of them as one entry. */
async function around(house: House, { storefront: issuing, others, grants }: Wiring) {
  const entry = (stas: readonly Place[]) => [
    { id: 'STA01', urls: stas.map((sta) => `https://${sta.where()}`) },
  ]
  const vda = await house.vda()
  const keys = ['file:certs/proxy/grant.key']
  const proxy = await house.proxy(entry(others), {
    grants: { keys, ...(grants && { store: grants }) },
  })
  const storefront = await house.storefront(entry(issuing), publish(vda))
  const hop = { name: 'proxy', address: proxy.where() }
  const gateway = await house.gateway(entry(others), [hop], {
    storefronts: [{ address: storefront.where() }],
  })
  const access = house.access(gateway)
  return { access, ticket: () => house.ticket(access) }
}

async function echoOf(
  access: Parameters<typeof launch>[0],
  ticket: Parameters<typeof launch>[1]['ticket'],
): Promise<string> {
  const { leg } = await launch(access, { ticket, port: 2598, protocol: 'socks' })
  leg.write(Buffer.from('there and back'))
  const answer = String(await read(leg, 14))
  leg.end()
  return answer
}

/** Whether this log line tells of an answer that an STA gave. */
function isAnswer({ daemon, event }: { daemon?: unknown; event?: unknown }): boolean {
  return /^sta-[ab]$/.test(String(daemon)) && /^ticket-|^sta-refused$/.test(String(event))
}

/** Waits until a daemon has said so of its Redis. */
async function complaint(house: House, what: RegExp): Promise<void> {
  const said = (): string[] => house.events('redis-error').map(({ why }) => String(why))
  await until(said, (all) => all.some((why) => what.test(why)))
}
