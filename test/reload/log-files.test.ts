import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runBin } from '../kit/daemon-process.ts'
import { House } from '../kit/house.ts'
import { until } from '../kit/wait.ts'

/** The events in a log file; none while there is no such file. */
function eventsIn(file: string): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => (JSON.parse(line) as { event: string }).event)
  } catch {
    return []
  }
}

t.test('files that were moved away are begun anew by SIGHUP, as logrotate does it', async (t) => {
  const house = new House(t)
  const [log, audit] = [join(house.folder, 'logs/vda.log'), join(house.folder, 'logs/audit.log')]
  const section = {
    log: { file: log },
    audit: { file: audit },
    apps: [{ name: 'echo', kind: 'echo', listenCgp: '127.0.0.1:0' }],
  }
  const file = join(house.folder, 'vda.yaml')
  writeFileSync(file, JSON.stringify({ vda: section }))
  const vda = runBin(t, 'vda', ['--config', file])
  await until(
    () => eventsIn(log),
    (events) => events.includes('ready'),
  )
  renameSync(log, `${log}.1`)
  renameSync(audit, `${audit}.1`)
  vda.signal('SIGHUP')
  await until(
    () => eventsIn(log),
    (events) => events.includes('reloaded'),
  )
  t.same(eventsIn(audit), ['configuration-reloaded'])
  t.same(eventsIn(`${log}.1`), ['ready'], 'nothing more came into the old one')
  vda.signal('SIGTERM')
  t.equal((await vda.ended).code, 0)
})
