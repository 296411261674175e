import { makeAuthority } from '@doublehop/pki/certificate'
import { makeRevocationList } from '@doublehop/pki/revocation'
import t from 'tap'
import { attempt } from '../kit/attempt.ts'
import { HouseAuthority } from '../kit/house-authority.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'

const HOUR = 3_600_000

const house = new HouseToReload(t, [])
const double = await house.doubleHop({ nextHop: { ahead: 0 } })
const authority = new HouseAuthority(house)
const { issuer } = authority

const outcome = async (): Promise<string> =>
  (await attempt(double.access, await double.ticket())).outcome

const foreign = makeAuthority({ commonName: 'another CA' })
const nobody = makeRevocationList({ issuer, revoked: [] })
const ago = (milliseconds: number): Date => new Date(Date.now() - milliseconds)

/** Lists by which nobody can be judged: everybody is refused, and the reason is told. */
const USELESS = {
  'a list that has ended': [
    makeRevocationList({
      issuer,
      revoked: [],
      thisUpdate: ago(2 * HOUR),
      nextUpdate: ago(HOUR),
    }),
    /CRL_HAS_EXPIRED|CRL has expired/,
  ],
  'a list that is not valid yet': [
    makeRevocationList({ issuer, revoked: [], thisUpdate: ago(-HOUR) }),
    /CRL_NOT_YET_VALID|CRL is not yet valid/,
  ],
  'the list of another CA': [
    makeRevocationList({ issuer: foreign, revoked: [] }),
    /UNABLE_TO_GET_CRL|unable to get certificate CRL/,
  ],
  'a list that somebody else has signed': [
    makeRevocationList({ issuer: { ...issuer, key: foreign.key }, revoked: [] }),
    /CRL_SIGNATURE_FAILURE|CRL signature failure/,
  ],
} as const

for (const [what, [list, why]] of Object.entries(USELESS)) {
  t.test(`by ${what} everybody is refused, and the log says why`, async (t) => {
    const crl = authority.write('useless.pem', list)
    for (const kind of ['proxy', 'gateway'] as const) {
      const before = house.log.length
      await house.change(kind, { identity: { ...house.identity(kind), crl } })
      t.match(await outcome().catch(({ code }) => code), /^DH_/)
      const told = house.log.slice(before).filter(({ daemon }) => daemon === kind)
      t.match(told.map(({ msg }) => msg).join('\n'), why, kind)
      await house.change(kind, { identity: house.identity(kind) })
    }
    t.equal(await outcome(), 'connected')
  })
}

t.test('a list that revokes nobody, or others, refuses nobody', async (t) => {
  const others = authority.revoke(['storefront'])
  for (const kind of ['gateway', 'proxy'] as const) {
    const crl = authority.write('nobody.pem', nobody)
    await house.change(kind, { identity: { ...house.identity(kind), crl } })
    t.equal(await outcome(), 'connected')
  }
  await house.change('proxy', { identity: { ...house.identity('proxy'), crl: others } })
  t.equal(await outcome(), 'connected')
})

t.test('of several lists in one file each is asked', async (t) => {
  const both = [makeRevocationList({ issuer: foreign, revoked: [] }), nobody].join('')
  const crl = authority.write('both.pem', both)
  await house.change('proxy', { identity: { ...house.identity('proxy'), crl } })
  t.equal(await outcome(), 'connected')
  const revoked = [authority.certificateOf('gateway')]
  authority.write(
    'both.pem',
    [
      makeRevocationList({ issuer: foreign, revoked: [] }),
      makeRevocationList({ issuer, revoked }),
    ].join(''),
  )
  await house.change('proxy')
  t.not(await outcome().catch(({ code }) => code), 'connected')
})
