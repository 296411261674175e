import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from '@doublehop/workspace/launch'
import { StorefrontClient } from '@doublehop/workspace/storefront-client'
import t from 'tap'
import { askAdmin } from './kit/ask-admin.ts'
import { startProcess } from './kit/daemon-process.ts'
import { House, type Running } from './kit/house.ts'
import { exchange } from './kit/session.ts'
import { until } from './kit/wait.ts'

/** A row of docs/metrics.md. */
interface Row {
  readonly name: string
  readonly labels: readonly string[]
  readonly daemons: readonly string[]
}

const page = readFileSync(join(import.meta.dirname, '../docs/metrics.md'), 'utf8')
const rows: Row[] = page
  .split('\n')
  .filter((line) => line.startsWith('| `doublehop_'))
  .map((line) => {
    const [, name = '', labels = '', daemons = ''] =
      /^\| `(\w+)(?:\{([\w,]+)\})?` \| ([\w, ]+) \|/.exec(line) ?? []
    return { name, labels: labels === '' ? [] : labels.split(','), daemons: daemons.split(', ') }
  })
const DAEMONS = ['gateway', 'proxy', 'storefront', 'sta', 'vda'] as const

/** What a metric is called without what a histogram adds to its name. */
const UNITS = /_(seconds|bytes|total)$/

t.test('names and labels are as Prometheus wants them', async (t) => {
  for (const { name, labels } of rows) {
    t.match(name, /^doublehop_[a-z]+(_[a-z]+)*$/)
    t.notMatch(name, /_(ms|milliseconds|kb|count|sum|bucket)$/)
    for (const label of labels) t.notMatch(label, /user|peer|address|host|app|session/, name)
  }
  t.equal(new Set(rows.map(({ name }) => name)).size, rows.length, 'each stands once')
})

t.test('every metric of every daemon stands on the page, and no other', async (t) => {
  const house = new House(t)
  const { gateway, proxy, storefront, sta, vda } = await house.doubleHop()
  const running = { gateway, proxy, storefront, sta, vda }
  for (const daemon of DAEMONS) {
    const shown = await metricsOf(running[daemon])
    const wanted = rows.filter(({ daemons }) => daemons.includes(daemon) || daemons.includes('all'))
    t.same(
      shown.map(({ name }) => name).sort(),
      wanted
        .map(({ name }) => name)
        .filter((name) => !ofProcess(name))
        .sort(),
      daemon,
    )
    for (const { name, type, labels } of shown) {
      const row = rows.find((one) => one.name === name)
      t.same(labels.toSorted(), row?.labels.toSorted(), `${daemon} ${name}`)
      t.equal(name.endsWith('_total'), type === 'counter', `${name}: only counters end in _total`)
      if (type === 'histogram') t.match(name, UNITS)
    }
  }
})

t.test('what a process alone has, by its admin listener', async (t) => {
  const house = new House(t)
  const { identity, ...section } = {
    authorityId: 'STA01',
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    identity: house.identity('sta'),
    serviceKey: 'file:certs/sta/service.key',
  }
  const { where } = await startProcess(t, house, 'sta', 'sta', { identity, ...section })
  const text = await (await askAdmin(where('admin'), '/metrics')).text()
  for (const { name } of rows.filter(({ name }) => ofProcess(name)))
    t.match(text, `# TYPE ${name} `)
  t.match(text, /^doublehop_certificate_expiry_timestamp_seconds\{certificate="identity"\} 1\d{9}/m)
  t.match(text, /^doublehop_config_last_reload_successful 1$/m)
  t.match(text, /^process_open_fds \d+$/m)
})

t.test('no label tells of a user, a ticket or an address', async (t) => {
  const house = new House(t)
  const hop = await house.doubleHop()
  const ticket = await hop.ticket()
  const { leg } = await launch(hop.access, { ticket, port: 2598, protocol: 'socks' })
  await exchange(leg, Buffer.from('x'))
  await t.rejects(launch(hop.access, { ticket, port: 2598, protocol: 'socks' }))
  const stranger = new StorefrontClient(hop.access, 'mallory')
  await t.rejects(stranger.ticket('echo'))
  stranger.close()
  const daemons = [hop.gateway, hop.proxy, hop.storefront, hop.sta, hop.vda]
  await until(
    () => house.events('session-closed').length,
    (count) => count >= 3,
  )
  const text = (await Promise.all(daemons.map(({ metrics }) => metrics.registry.metrics()))).join(
    '',
  )
  t.match(text, 'doublehop_sessions_closed_total{reason="client-closed"} 1')
  t.match(text, 'doublehop_failures_total{code="DH_TICKET_USED"} 1')
  const values = [...text.matchAll(/\w+="([^"]*)"/g)].map(([, value]) => value ?? '')
  for (const value of new Set(values)) {
    t.notMatch(value, /127\.0\.0\.1|::1|localhost|mallory|gateway\b|:\d{2,5}$/, value)
    t.notMatch(value, new RegExp(ticket.primary.reveal().slice(0, 6)), value)
  }
})

/** Kept by the process around a daemon: tests that run daemons in their own process do not see them. */
function ofProcess(name: string): boolean {
  return name.startsWith('doublehop_config_') || name.startsWith('doublehop_certificate_')
}

interface Shown {
  readonly name: string
  readonly type: string
  readonly labels: string[]
}

async function metricsOf({ metrics }: Running): Promise<Shown[]> {
  const all = await metrics.registry.getMetricsAsJSON()
  return all
    .filter(({ name }) => name.startsWith('doublehop_'))
    .map(({ name, type }) => {
      const metric = metrics.registry.getSingleMetric(name) as unknown as { labelNames: string[] }
      return { name, type: String(type), labels: metric.labelNames.filter((one) => one !== 'le') }
    })
}
