import t, { type Test } from 'tap'
import { type KeySchema, schemaAt } from '../src/keys.ts'
import { changedForRestart } from '../src/restart.ts'
import type { Settings } from '../src/schema.ts'
import { changed, type ExampleSection, sections } from './examples.ts'
import { settingsOf } from './reading.ts'

/** Another value for each key that wants a restart. */
const OTHERS: Readonly<Record<string, unknown>> = {
  name: 'another',
  admin: '127.0.0.1:1',
  'metrics.listen': '127.0.0.1:1',
  'log.file': 'another.log',
  'audit.file': 'another.log',
  listen: '127.0.0.1:1',
  listenHttp: '127.0.0.1:1',
  'grants.store': 'redis://127.0.0.1:1',
  authorityId: 'STA99',
  store: 'redis://127.0.0.1:1',
  apps: [{ name: 'another', kind: 'echo', listenCgp: '127.0.0.1:1' }],
}

for (const section of sections) {
  t.test(`${section}: no key that wants a restart goes unseen, alone or in a group`, async (t) => {
    const before = read(t, section, {})
    t.equal(changedForRestart(section, before, read(t, section, {})), undefined)
    for (const key of restartKeys(schemaAt([section]))) {
      if (key === 'secure') continue // has a test of its own
      t.ok(key in OTHERS, `${key} has another value here`)
      const after = read(t, section, { [key]: OTHERS[key] })
      t.equal(changedForRestart(section, before, after), `${section}.${key}`)
      t.equal(changedForRestart(section, after, before), `${section}.${key}`, 'and back')
    }
  })
}

t.test('whether gateways come by TLS wants one', async (t) => {
  const allow = { 'allow.names': [], 'allow.networks': ['10.0.0.0/8'] }
  const before = read(t, 'proxy', allow)
  const after = read(t, 'proxy', { ...allow, secure: 'off' })
  t.equal(changedForRestart('proxy', before, after), 'proxy.secure')
})

t.test('all else may change', async (t) => {
  const before = read(t, 'gateway', {})
  const after = read(t, 'gateway', {
    nextHops: [{ name: 'other', address: '10.2.0.6:1080' }],
    'tls.certificate': 'other.crt',
    'limits.sessions': 1,
    'log.level': 'debug',
    drainTimeout: '1 s',
  })
  t.equal(changedForRestart('gateway', before, after), undefined)
})

t.test('a store in a file is another one when the file is, and none that is shown', async (t) => {
  const before = read(t, 'sta', { store: 'file:one.url' })
  t.equal(changedForRestart('sta', before, read(t, 'sta', { store: 'file:one.url' })), undefined)
  t.equal(changedForRestart('sta', before, read(t, 'sta', { store: 'file:two.url' })), 'sta.store')
})

function read<S extends ExampleSection>(t: Test, section: S, changes: object): Settings[S] {
  const isScraped = 'metrics.listen' in changes
  const zones = isScraped ? 'zones: { management: [127.0.0.0/8] }\n' : ''
  const text = zones + changed(section, changes as Record<string, unknown>)
  return settingsOf(t, text)[section]
}

function restartKeys(schema: KeySchema | undefined, above = ''): string[] {
  return Object.entries(schema?.properties ?? {}).flatMap(([name, below]) =>
    below['x-restart'] === true ? [above + name] : restartKeys(below, `${above}${name}.`),
  )
}
