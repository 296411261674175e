/**
 * `npm run lock` adds to package-lock.json what npm left out: packages for other platforms that the
 * registry in use does not serve. Wanted after an install where test/lockfile.test.ts complains.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lockfile, unlocked } from './kit/lockfile.ts'

const file = join(import.meta.dirname, '../package-lock.json')
const lock: Lockfile = JSON.parse(readFileSync(file, 'utf8'))
const added = unlocked(lock)
const byPath = ([a]: [string, unknown], [b]: [string, unknown]) => a.localeCompare(b, 'en')
lock.packages = Object.fromEntries([...Object.entries(lock.packages), ...added].toSorted(byPath))
if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added.length} packages added to package-lock.json`)
