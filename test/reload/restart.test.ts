import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Kind } from '../kit/house.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { echoOf, openSession } from '../kit/sessions.ts'

const DAEMONS = ['gateway', 'proxy', 'storefront', 'sta', 'vda'] as const satisfies Kind[]

/** Another value for each key that wants a restart. */
const CHANGES: Readonly<Record<string, Record<string, unknown>>> = {
  name: { name: 'another' },
  admin: { admin: '127.0.0.1:1' },
  'metrics.listen': { metrics: { listen: '127.0.0.1:1' } },
  'log.file': { log: { file: 'another.log' } },
  'audit.file': { audit: { file: 'another.log' } },
  listen: { listen: '127.0.0.1:1' },
  listenHttp: { listenHttp: '127.0.0.1:1' },
  secure: { secure: 'off', allow: { names: [], networks: ['127.0.0.1'] } },
  'grants.store': {
    grants: { keys: ['file:certs/proxy/grant.key'], store: 'redis://127.0.0.1:1' },
  },
  authorityId: { authorityId: 'STA02' },
  store: { store: 'redis://127.0.0.1:1' },
  apps: { apps: [{ name: 'another', kind: 'echo', listenCgp: '127.0.0.1:0' }] },
}

const house = new HouseToReload(t, DAEMONS)
const double = await house.doubleHop()

for (const kind of DAEMONS) {
  t.test(`what wants a restart of the ${kind} is refused by name`, async (t) => {
    const keys = restartKeys(kind)
    t.ok(keys.length >= 5, keys.join(' '))
    for (const key of keys) {
      const line = await house.hangUp(kind, changed(kind, key))
      t.match(line, {
        event: 'reload-refused',
        code: 'DH_RELOAD',
        msg: `${kind}.${key} cannot be changed by a reload`,
        action: /restart/,
      })
    }
    t.match(await house.hangUp(kind, house.textOf(kind)), { event: 'reloaded' })
    const session = await openSession(double)
    t.equal(await echoOf(session, 'hello'), 'hello')
    session.destroy()
  })
}

/** The file with another value for this key. Without a zone to scrape them from, metrics would be no good. */
function changed(kind: Kind, key: string): string {
  const file = JSON.parse(house.textOf(kind, CHANGES[key])) as object
  return JSON.stringify({ zones: { management: ['127.0.0.1'] }, ...file })
}

/** The keys of a section that docs/configuration.md marks so. */
function restartKeys(kind: Kind): string[] {
  const page = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8')
  const row = new RegExp(`^\\| \`${kind}\\.([\\w.]+)\` .*\\(\\*restart\\*\\)`, 'gm')
  return [...page.matchAll(row)].map(([, key = '']) => key)
}
