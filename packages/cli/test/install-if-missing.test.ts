import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'

const a = { version: '1.0.0', integrity: 'sha512-a' }
const ours = { resolved: 'packages/ours', link: true }
const elsewhere = { version: '1.0.0', optional: true, os: ['aix'] }

t.test('where the locked packages are installed nothing happens', async (t) => {
  const run = prepare(newClone(t, { a, ours }))
  t.same([run.status, run.stdout, run.stderr], [0, '', ''])
})

t.test('a clone without packages gets them, by npm on the Node of the machine', async (t) => {
  const clone = newClone(t, undefined)
  const run = prepare(clone)
  t.equal(run.status, 0)
  t.match(run.stderr, /^doublehop: installing the packages of package-lock.json.*\n$/)
  const [command, path] = run.stdout.split('\n')
  t.equal(command, 'npm ci --no-audit --no-fund --loglevel=error')
  t.notMatch(path, join(clone, 'node_modules'))
})

for (const [difference, installed] of Object.entries({
  'another version': { a: { ...a, version: '0.9.0' }, ours },
  'other content': { a: { ...a, integrity: 'sha512-b' }, ours },
  'a package too few': { a },
  'a package without its commands': { a, ours: { ...ours, bin: { ours: 'bin/ours' } } },
})) {
  t.test(`${difference} is replaced`, async (t) => {
    t.match(prepare(newClone(t, installed)).stdout, /^npm ci /)
  })
}

t.test('where npm fails there is no going on', async (t) => {
  const run = prepare(newClone(t, undefined), { NPM_STATUS: '1' })
  t.equal(run.status, 1)
  t.match(run.stderr, /\ndoublehop: npm ci failed, see above\n$/)
})

t.test(
  'a packaged Node that does not run on this machine does not hide the one that does',
  async (t) => {
    const clone = newClone(t, undefined, { node: '#!/bin/false\n' })
    t.equal(prepare(clone).status, 0)
    t.notOk(existsSync(join(clone, 'node_modules/.bin/node')))
  },
)

t.test('where no packaged Node runs, the machine has to have one that is new enough', async (t) => {
  const clone = newClone(t, { a, ours }, {})
  t.equal(prepare(clone).status, 0)
  const oldNode = `--import=${join(import.meta.dirname, 'fixtures/old-node.ts')}`
  const run = prepare(clone, { NODE_OPTIONS: oldNode })
  t.equal(run.status, 1)
  t.match(run.stderr, /^doublehop: .* own is v20.1.0: install Node 26 or newer, .*\n$/)
})

/** A clone whose lock file names `a`, `ours` and a package for another platform. */
function newClone(
  t: Test,
  installed: object | undefined,
  bin: Record<string, string> = { node: '' },
) {
  const list = (packages: object) => {
    const paths = Object.entries(packages).map(([name, value]) => [`node_modules/${name}`, value])
    return JSON.stringify({ packages: { '': {}, ...Object.fromEntries(paths) } })
  }
  const folder = t.testdir({
    'machine-bin': { npm: '#!/bin/sh\necho npm "$@"\necho "$PATH"\nexit $NPM_STATUS\n' },
    clone: {
      'package-lock.json': list({ a, elsewhere, ours }),
      node_modules: {
        '.bin': bin,
        ...(installed && { '.package-lock.json': list(installed) }),
      },
      packages: { cli: { bin: {} } },
    },
  })
  const clone = join(folder, 'clone')
  const script = 'packages/cli/bin/install-if-missing.mjs'
  copyFileSync(join(import.meta.dirname, '../../..', script), join(clone, script))
  for (const name of Object.keys(bin)) chmodSync(join(clone, 'node_modules/.bin', name), 0o755)
  chmodSync(join(folder, 'machine-bin/npm'), 0o755)
  return clone
}

function prepare(clone: string, env: NodeJS.ProcessEnv = {}) {
  const path = [join(clone, 'node_modules/.bin'), join(clone, '../machine-bin'), process.env.PATH]
  return spawnSync(process.execPath, ['packages/cli/bin/install-if-missing.mjs'], {
    cwd: clone,
    env: { ...process.env, ...env, PATH: path.join(':') },
    encoding: 'utf8',
  })
}
