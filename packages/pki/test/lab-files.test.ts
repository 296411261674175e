import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'
import t from 'tap'
import { EVERYTHING, Lab } from './new-lab.ts'

const FOLDERS = ['.', 'ca', 'gateway', 'proxy', 'sta', 'storefront', 'vda', 'workspace']

function mode(path: string): string {
  return (fs.statSync(path).mode & 0o777).toString(8)
}

function modeFor(name: string): string {
  return name.endsWith('.crt') ? '644' : '600'
}

for (const umask of [0o000, 0o022, 0o077]) {
  t.test(`with umask ${umask.toString(8)} the modes are the same`, async (t) => {
    const before = process.umask(umask)
    t.teardown(() => process.umask(before))
    const lab = new Lab(t)
    lab.make()
    for (const folder of FOLDERS) t.equal(mode(lab.path(folder)), '700', folder)
    for (const name of EVERYTHING) t.equal(mode(lab.path(name)), modeFor(name), name)
    t.equal(mode(lab.path('.lock')), '600')
  })
}

t.test('a mode that was loosened is set right again', async (t) => {
  const lab = new Lab(t)
  lab.make()
  for (const folder of FOLDERS) fs.chmodSync(lab.path(folder), 0o755)
  for (const name of EVERYTHING) fs.chmodSync(lab.path(name), 0o666)
  t.strictSame(lab.make().made, [])
  for (const name of EVERYTHING) t.equal(mode(lab.path(name)), modeFor(name), name)
  for (const folder of FOLDERS.slice(1)) t.equal(mode(lab.path(folder)), '700', folder)
  t.equal(mode(lab.folder), '755', 'a folder that was there belongs to whoever made it')
})

t.test('no file is open to others before it is complete', async (t) => {
  const lab = new Lab(t)
  const born = new Map<string, string>()
  const renamed: string[] = []
  const { openSync, renameSync } = fs
  t.teardown(() => {
    Object.assign(fs, { openSync, renameSync })
    syncBuiltinESMExports()
  })
  fs.openSync = (path, ...rest) => {
    const file = openSync(path, ...rest)
    born.set(String(path), mode(String(path)))
    return file
  }
  fs.renameSync = (from, to) => {
    t.equal(mode(String(from)), modeFor(basename(String(to))), 'it has its mode when it appears')
    t.match(fs.readFileSync(from, 'utf8'), /\n$/, 'and its last line')
    renamed.push(String(to))
    renameSync(from, to)
  }
  syncBuiltinESMExports()
  const before = process.umask(0)
  t.teardown(() => process.umask(before))

  lab.make()
  t.strictSame(renamed.sort(), EVERYTHING.map((name) => lab.path(name)).sort())
  t.strictSame([...born.keys()].sort(), renamed.map((path) => `${path}.new`).sort())
  t.strictSame(new Set(born.values()), new Set(['600']))
})

t.test('what a killed run left half written is no obstacle', async (t) => {
  const lab = new Lab(t)
  fs.mkdirSync(lab.path('ca'), { recursive: true })
  lab.write('ca/ca.key.new', '-----BEGIN PRIV')
  fs.chmodSync(lab.path('ca/ca.key.new'), 0o444)
  t.strictSame(lab.make().made, EVERYTHING)
  t.strictSame(fs.readdirSync(lab.path('ca')).sort(), ['ca.crt', 'ca.key'])
})

t.test('a folder that cannot be read is an error, not a reason to make it anew', async (t) => {
  const lab = new Lab(t)
  lab.make()
  fs.rmSync(lab.path('sta/tls.key'))
  fs.mkdirSync(lab.path('sta/tls.key'))
  t.throws(() => lab.make(), { code: 'EISDIR' })
})
