import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type LockedPackage, type Lockfile, unlocked } from './kit/lockfile.ts'

const root = join(import.meta.dirname, '..')
const lock: Lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))

t.test(
  'the lock file names the packages of every platform, or npm ci refuses it (npm run lock)',
  async (t) => {
    t.same(
      unlocked(lock).map(([path]) => path),
      [],
    )
  },
)

t.test(
  'the lock file is that of the package.json files, or npm ci refuses it (npm install)',
  async (t) => {
    const ours = Object.keys(lock.packages).filter((path) => !path.includes('node_modules'))
    t.ok(ours.length > 1)
    for (const path of ours) {
      const wanted = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))
      t.same(dependenciesOf(lock.packages[path] ?? {}), dependenciesOf(wanted), path || 'the root')
    }
  },
)

t.test('the lock file says nothing of where a package was fetched', async (t) => {
  const fetched = Object.values(lock.packages).filter(({ link }) => !link)
  t.same(
    fetched.filter(({ resolved }) => resolved !== undefined),
    [],
  )
})

t.test(
  'a package that the registry did not serve is added with the platform in its name',
  async (t) => {
    const lock = {
      packages: {
        'node_modules/tool': {
          dev: true,
          optionalDependencies: { '@tool/linux-x64': '1.0.0', '@tool/linux-arm64-musl': '1.0.0' },
        },
        'node_modules/@tool/linux-x64': { version: '1.0.0' },
      },
    }
    t.same(unlocked(lock), [
      [
        'node_modules/@tool/linux-arm64-musl',
        {
          version: '1.0.0',
          dev: true,
          optional: true,
          cpu: ['arm64'],
          os: ['linux'],
          libc: ['musl'],
        },
      ],
    ])
  },
)

function dependenciesOf({ dependencies, devDependencies, optionalDependencies }: LockedPackage) {
  return { ...dependencies, ...devDependencies, ...optionalDependencies }
}
