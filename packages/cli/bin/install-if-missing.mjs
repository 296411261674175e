// Makes a clone ready before `npm start`, `npm test` and `npm run check`: installs the locked
// packages where they are missing or not those of package-lock.json, and otherwise says nothing.
//
// This file is plain JavaScript without dependencies, because it runs before anything is installed,
// on whatever Node the machine has (18 or newer). Node 26 itself arrives with the packages.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_NEEDED = 26

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const packagedNode = join(root, 'node_modules', '.bin', 'node')

if (!isInstalled()) await install()
if (!existsSync(packagedNode) && Number.parseInt(process.versions.node, 10) < NODE_NEEDED) {
  fail(
    `there is no ready-made Node ${NODE_NEEDED} for ${process.platform}-${process.arch} and this ` +
      `machine's own is ${process.version}: install Node ${NODE_NEEDED} or newer, then run this again`,
  )
}

/**
 * Whether node_modules holds what package-lock.json asks for. npm writes the same kind of list of
 * what it really installed, at the end of every install, so an interrupted one counts as missing.
 */
function isInstalled() {
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'))
  if (!installed) return false
  const locked =
    readPackages(join(root, 'package-lock.json')) ?? fail('package-lock.json is missing')
  return Object.entries(locked).every(([path, wanted]) => {
    if (path === '') return true
    const found = installed[path]
    // An optional package is left out where it is made for another platform.
    if (!found) return wanted.optional === true
    return (
      found.version === wanted.version &&
      found.integrity === wanted.integrity &&
      found.resolved === wanted.resolved &&
      JSON.stringify(found.bin) === JSON.stringify(wanted.bin)
    )
  })
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

async function install() {
  const { spawnSync } = await import('node:child_process')
  console.error(
    'doublehop: installing the packages of package-lock.json with npm ci (about half a minute)',
  )
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: withoutOwnBin(process.env),
    stdio: 'inherit',
  })
  if (npm.error) fail(`npm could not be started: ${npm.error.message}`)
  if (npm.status !== 0) fail('npm ci failed, see above')
  // Where the package is installed but does not run (a C library of another kind, say), the
  // machine's own Node has to serve, so the one that fails may not stand first on the path.
  if (existsSync(packagedNode) && spawnSync(packagedNode, ['--version']).status !== 0) {
    rmSync(packagedNode)
  }
}

/** npm must not run on the Node it is about to replace, which an npm script puts first on the path. */
function withoutOwnBin(env) {
  const path = env.PATH?.split(delimiter).filter((folder) => !folder.startsWith(root + sep))
  return { ...env, ...(path && { PATH: path.join(delimiter) }) }
}

function fail(reason) {
  console.error(`doublehop: ${reason}`)
  process.exit(1)
}
