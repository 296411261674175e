import type { Endpoint } from '@doublehop/wire/endpoint'
import t from 'tap'
import { attempt } from '../kit/attempt.ts'
import { Hop, openRelay } from '../kit/hop.ts'
import type { Kind } from '../kit/house.ts'
import { HouseAuthority } from '../kit/house-authority.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { echoOf, openSession } from '../kit/sessions.ts'

type Role = Exclude<Kind, 'vda'>

const house = new HouseToReload(t, [])
const double = await house.doubleHop({ nextHop: { ahead: 0 } })
const authority = new HouseAuthority(house)

/** What becomes of a launch, from its ticket on. */
async function outcome(): Promise<string> {
  const ticket = await double.ticket().catch((error) => String(error.message))
  return typeof ticket === 'string' ? ticket : (await attempt(double.access, ticket)).outcome
}

/** Whether a daemon asks the list whom it meets, from now on. */
async function asks(who: Role, crl: string | undefined): Promise<void> {
  await house.change(who, { identity: { ...house.identity(who), ...(crl && { crl }) } })
}

/** What a daemon logs from here on. */
function listening(daemon: Role): () => string {
  const before = house.log.length
  return () =>
    house.log
      .slice(before)
      .filter((line) => line.daemon === daemon)
      .map(({ msg }) => msg)
      .join('\n')
}

const REVOKED: readonly {
  readonly whose: Role
  readonly by: Role
  /** what a launch comes to */
  readonly is: RegExp
  /** who says in its log that it was for the certificate */
  readonly told: Role
}[] = [
  { whose: 'gateway', by: 'proxy', is: /^DH_SOCKS_/, told: 'proxy' },
  { whose: 'gateway', by: 'storefront', is: /connection ended/, told: 'storefront' },
  { whose: 'proxy', by: 'gateway', is: /^DH_SOCKS_/, told: 'gateway' },
  { whose: 'proxy', by: 'sta', is: /^DH_SOCKS_/, told: 'sta' },
  { whose: 'sta', by: 'proxy', is: /^DH_SOCKS_/, told: 'proxy' },
  { whose: 'sta', by: 'storefront', is: /HTTP 503/, told: 'storefront' },
  { whose: 'storefront', by: 'gateway', is: /connection ended/, told: 'gateway' },
  { whose: 'storefront', by: 'sta', is: /HTTP 503/, told: 'sta' },
]

for (const { whose, by, is, told } of REVOKED) {
  t.test(`a revoked ${whose} is refused by the ${by}, and by nobody who has no list`, async (t) => {
    const session = await openSession(double)
    const list = authority.revoke([whose])
    t.equal(await outcome(), 'connected', 'a file alone changes nothing')
    await asks(by, list)
    // Whoever reaches others keeps connections, which are as good as when they were opened.
    await house.change(whose)
    const log = listening(told)
    t.match(await outcome(), is)
    t.match(log(), /CERT_REVOKED|certificate revoked/i)
    t.equal(await echoOf(session, 'mine'), 'mine', 'a session stays')

    authority.renew(whose)
    await house.change(whose)
    t.equal(await outcome(), 'connected', 'with a new certificate it is welcome')
    await asks(by, undefined)
    session.destroy()
  })
}

t.test('a connection that was open before is not asked again', async (t) => {
  const ahead = await Hop.open(house, double.proxy)
  await asks('proxy', authority.revoke(['gateway']))
  const { host, port } = double.sta.at.listen as Endpoint
  t.equal((await ahead.connect(host, port, ['-', '-'])).reply, 0)
  await t.rejects(openRelay(house, double.proxy, double.sta.at.listen as Endpoint))
  ahead.destroy()
  await asks('proxy', undefined)
})
