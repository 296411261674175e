import { settableKeys } from '@doublehop/settings/keys'
import t from 'tap'
import type { LimitRow } from '../kit/limit-rows.ts'
import { GATEWAY } from './gateway-rows.ts'
import { PROXY } from './proxy-rows.ts'
import { STA } from './sta-rows.ts'
import { STOREFRONT } from './storefront-rows.ts'
import { VDA } from './vda-rows.ts'

t.test('every limit there is has a row that shows when it fires and when not', async (t) => {
  const tables = { gateway: GATEWAY, proxy: PROXY, storefront: STOREFRONT, sta: STA, vda: VDA }
  const limits = settableKeys()
    .map(({ path }) => path)
    .filter(([, group]) => group === 'limits')
  t.ok(limits.length > 40, `${limits.length} limits`)
  for (const [kind, rows] of Object.entries(tables) as [string, readonly LimitRow[]][]) {
    const known = limits.filter(([daemon]) => daemon === kind).map((path) => path.join('.'))
    t.same(new Set(rows.map(({ limit }) => limit)), new Set(known), kind)
  }
})

t.test('each row sets the limit that it is about', async (t) => {
  for (const { limit, set } of [...GATEWAY, ...PROXY, ...STOREFRONT, ...STA, ...VDA])
    t.ok((limit.split('.')[2] ?? '') in set, limit)
})
