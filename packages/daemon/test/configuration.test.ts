import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { auditTo } from '@doublehop/daemon/audit'
import { Configuration } from '@doublehop/daemon/configuration'
import type { Daemon } from '@doublehop/daemon/daemon'
import { logTo } from '@doublehop/daemon/log'
import { Metrics } from '@doublehop/daemon/metrics'
import { fault } from '@doublehop/errors/fault'
import { loadSettings } from '@doublehop/settings/load'
import type { Override } from '@doublehop/settings/overrides'
import t, { type Test } from 'tap'
import type { LogLine } from '../../../test/kit/house.ts'

type Vda = { readonly [key: string]: unknown }
const APPS = [{ name: 'echo', kind: 'echo', listenCgp: '127.0.0.1:0' }]

/** The configuration of a VDA, and a daemon that remembers what it was given. */
class Scene {
  readonly file: string
  readonly given: Vda[] = []
  readonly log: LogLine[] = []
  readonly audit: LogLine[] = []
  readonly metrics = new Metrics()
  readonly configuration
  /** what the daemon says when it is given settings; nothing when it takes them */
  objection: Error | undefined
  readonly logger

  constructor(t: Test, overrides: readonly Override[] = []) {
    this.file = join(
      t.testdir({ 'doublehop.yaml': JSON.stringify({ vda: { apps: APPS } }) }),
      'doublehop.yaml',
    )
    this.logger = logTo('vda', (line) => void this.log.push(JSON.parse(line)))
    this.configuration = new Configuration({
      section: 'vda',
      file: this.file,
      overrides,
      settings: loadSettings(this.file, overrides, {}),
      log: this.logger,
      audit: auditTo('vda', { write: (line) => void this.audit.push(JSON.parse(line)) }),
      metrics: this.metrics,
    })
  }

  async reload(text: string | object): Promise<void> {
    writeFileSync(this.file, typeof text === 'string' ? text : JSON.stringify({ vda: text }))
    const daemon = {
      reload: async (settings: Vda) => {
        if (this.objection) throw this.objection
        this.given.push(settings)
      },
    }
    await this.configuration.reload(daemon as unknown as Daemon)
  }

  async successful(): Promise<string | undefined> {
    const text = await this.metrics.registry.metrics()
    return /^doublehop_config_last_reload_successful (\d)$/m.exec(text)?.[1]
  }
}

t.test('a good file is given to the daemon, and told of', async (t) => {
  const scene = new Scene(t)
  t.equal(await scene.successful(), '1')
  await scene.reload({ apps: APPS, drainTimeout: '7 s' })
  t.match(scene.given, [{ drainTimeout: 7000 }])
  t.match(scene.log, [{ event: 'reloaded', level: 'info', file: scene.file }])
  t.match(scene.audit, [{ event: 'configuration-reloaded', file: scene.file }])
})

t.test('a file with anything wrong is given to nobody', async (t) => {
  const scene = new Scene(t)
  const wrong = { apps: APPS, drainTimeout: 'soon' }
  for (const text of ['vda: {', 'vda:\n  apps: &a [*a]', '', { apps: [] }, wrong, 'sta: {}'])
    await scene.reload(text)
  t.same(scene.given, [])
  t.equal(scene.log.length, 6)
  for (const line of scene.log) {
    t.match(line, { event: 'reload-refused', level: 'error', code: 'DH_CONFIG', action: /\w/ })
    t.match(line.msg, /^not reloaded, the configuration before stays: [^\n]+$/)
  }
  t.equal(await scene.successful(), '0')
  await scene.reload({ apps: APPS })
  t.equal(await scene.successful(), '1')
})

t.test('nor is one that is compared with what is at work, not with what was refused', async (t) => {
  const scene = new Scene(t)
  for (let times = 0; times < 2; times++) await scene.reload({ apps: APPS, name: 'other' })
  t.match(scene.log, [{ code: 'DH_RELOAD' }, { code: 'DH_RELOAD' }])
  t.same(scene.given, [])
})

t.test('what the daemon cannot take changes nothing', async (t) => {
  const scene = new Scene(t)
  scene.objection = fault('DH_CONFIG_SECRET', { path: 'x', source: 'file:x', why: 'ENOENT' })
  await scene.reload({ apps: APPS, log: { level: 'error' } })
  scene.objection = new Error('never thought of')
  await scene.reload({ apps: APPS, log: { level: 'error' } })
  t.match(scene.log, [{ code: 'DH_CONFIG_SECRET' }, { code: 'DH_INTERNAL' }])
  t.equal(scene.logger.level, 'debug', 'the level of the log is part of that')
  t.match(scene.audit, [
    { event: 'configuration-refused', code: 'DH_CONFIG_SECRET' },
    { event: 'configuration-refused', code: 'DH_INTERNAL' },
  ])
})

t.test('the level of the log changes, and the audit log has none', async (t) => {
  const scene = new Scene(t)
  await scene.reload({ apps: APPS, log: { level: 'error' } })
  t.equal(scene.logger.level, 'error')
  t.same(scene.log, [])
  t.equal(scene.audit.length, 1)
})

t.test('a file that is gone is told of as such', async (t) => {
  const scene = new Scene(t)
  const daemon = { reload: () => Promise.reject(new Error('never asked')) }
  rmSync(scene.file)
  await scene.configuration.reload(daemon as unknown as Daemon)
  t.match(scene.log, [{ event: 'reload-refused', code: 'DH_CONFIG_FILE', msg: /ENOENT/ }])
})

t.test('flags win over the new file too', async (t) => {
  const scene = new Scene(t, [{ path: ['vda', 'drainTimeout'], value: '1 s' }])
  await scene.reload({ apps: APPS, drainTimeout: '9 s' })
  t.match(scene.given, [{ drainTimeout: 1000 }])
})
