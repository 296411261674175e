import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { contextOf } from '@doublehop/firewall/check/context'
import { sessionsHere } from '@doublehop/firewall/check/sessions-here'
import t, { type Test } from 'tap'
import { wild } from '../../firewall/test/formats/screen.ts'
import { hostile, samples } from '../../firewall/test/samples.ts'

const bin = join(import.meta.dirname, '../bin/doublehop.mjs')

function commandIn(t: Test, files: Readonly<Record<string, unknown>> = {}) {
  const folder = t.testdir()
  for (const [name, value] of Object.entries(files))
    writeFileSync(join(folder, name), JSON.stringify(value))
  const run = (...args: string[]) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [bin, ...args], {
      ...{ cwd: folder, encoding: 'utf8' },
    })
    return { stdout, stderr, status }
  }
  return { folder, run }
}

t.test('report ends with the verdict of all zones', async (t) => {
  const { run, folder } = commandIn(t, samples)
  const page = join(folder, 'report.html')
  for (const [name, status] of [
    ['healthy', 0],
    ['noVerdict', 3],
    ['leak', 2],
  ] as const) {
    const said = run('report', name)
    t.equal(said.status, status, name)
    t.match(said.stdout, /\nreport: report\.html\n$/)
    t.match(readFileSync(page, 'utf8'), /<\/html>\n$/)
  }
})

t.test('report writes a whole page or none', async (t) => {
  const { run, folder } = commandIn(t, {
    ...samples,
    broken: { ...samples.leak, rows: 7 },
    newer: { ...samples.leak, version: 2 },
  })
  const page = join(folder, 'page.html')
  writeFileSync(page, 'the page of before')
  chmodSync(page, 0o600)
  for (const [files, html, why] of [
    [['healthy', 'broken'], 'page.html', /^doublehop: broken: expected a result .*; rows: /],
    [['newer', 'healthy'], 'page.html', /^doublehop: newer: it is of version 2 \(check\)/],
    [['healthy', 'nowhere'], 'page.html', /^doublehop: nowhere: ENOENT/],
    [['healthy'], 'no-folder/page.html', /cannot be written to no-folder\/page\.html: ENOENT/],
    [['healthy'], '.', /cannot be written to \.: EISDIR/],
  ] as const) {
    const { status, stdout, stderr } = run('report', ...files, '--html', html)
    t.same([status, stdout], [3, ''], html)
    t.match(stderr, why)
    t.equal(readFileSync(page, 'utf8'), 'the page of before')
  }
  t.equal(run('report', 'healthy', '--html', 'page.html').status, 0)
  t.match(readFileSync(page, 'utf8'), /<\/html>\n$/)
  t.equal(statSync(page).mode & 0o777, 0o600, 'as private as the one before')
  t.equal(readdirSync(folder).filter((name) => name.endsWith('.new')).length, 0)
  t.equal(run('report', 'healthy', '--html', '/dev/null').status, 0)
  t.ok(statSync('/dev/null').isCharacterDevice(), 'a device stays one')
})

t.test('a file of others prints nothing that moves a cursor', async (t) => {
  const { run, folder } = commandIn(t, { hostile })
  const { status, stdout, stderr } = run('report', 'hostile')
  t.equal(status, 2)
  t.same(wild(stdout + stderr), [])
  t.same(wild(readFileSync(join(folder, 'report.html'), 'utf8')), [])
})

t.test('what cannot be said right is no verdict', async (t) => {
  const { run } = commandIn(t, samples)
  for (const [args, why] of [
    [['check', '--bogus'], /unknown option '--bogus'/],
    [['check', '--zone', 'mars'], /Expected one of internet, lan, dmz1/],
    [['check', '--timeout', 'soon'], /Expected a duration such as 4, 250ms/],
    [['check', '--format', 'xml'], /Allowed choices are table, json/],
    [['check', '--plan', 'x', '--zone', 'dmz1'], /cannot be used with option/],
    [['check', '--watch', '--ticket', 'x'], /cannot be used with option/],
    [['check', '--config', 'nowhere.yaml'], /DH_CONFIG_FILE/],
    [['check', '--config', 'leak'], /DH_CONFIG/],
    [['check', '--plan', 'leak'], /expected a plan of doublehop plan/],
    [['check'], /no lab is running here[\s\S]*DH_NO_LAB/],
    [['report'], /missing required argument 'file'/],
    [['report', '--bogus'], /unknown option/],
    [['rules', '--diff', 'leak'], /required option '--firewall <number>' not specified/],
  ] as const) {
    const { status, stdout, stderr } = run(...args)
    t.same([status, stdout], [3, ''], args.join(' '))
    t.match(stderr, why)
  }
})

t.test('output that cannot be written is no verdict either', async (t) => {
  if (!existsSync('/dev/full')) return t.comment('this system has no full device')
  const { folder } = commandIn(t, samples)
  const { status } = spawnSync(
    'sh',
    ['-c', `"${process.execPath}" "${bin}" report leak 2>/dev/null >/dev/full`],
    { cwd: folder },
  )
  t.equal(status, 3)
})

t.test('a plan of others has files read that are files, and small', async (t) => {
  const folder = t.testdir()
  const pipe = join(folder, 'pipe')
  t.equal(spawnSync('mkfifo', [pipe]).status, 0)
  for (const [ca, why] of [
    [pipe, 'it is no regular file'],
    ['/dev/zero', 'it is no regular file'],
    [folder, 'it is no regular file'],
    [join(folder, 'nowhere'), 'ENOENT'],
  ] as const)
    t.throws(() => contextOf({ ca }), { code: 'DH_CERTIFICATE', details: { why } }, ca)
})

t.test(
  'a plan of others has nothing asked but sessions, and no more read than they take',
  async (t) => {
    const asked: (string | undefined)[] = []
    const server = createServer(({ url }, response) => {
      asked.push(url)
      response.end('{"sessions":[{"peer":"10.2.0.2:1"}]}')
    }).listen(0, '127.0.0.1')
    t.teardown(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const at = `127.0.0.1:${(server.address() as { port: number }).port}`
    const seen = (place: string) => sessionsHere([{ daemon: 'proxy', at: place, arrivals: [] }])
    t.match(await seen(at), [{ daemon: 'proxy', peer: '10.2.0.2:1' }])
    t.same(await seen(`${at}/secrets?`), [])
    t.same(await seen(`user@${at}`), [])
    t.same(asked, ['/sessions'])
  },
)
