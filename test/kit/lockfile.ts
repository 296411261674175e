/** package-lock.json, and the packages for other platforms that npm leaves out of it. */

export interface Lockfile {
  packages: Record<string, LockedPackage>
}

export interface LockedPackage {
  version?: string
  resolved?: string
  link?: boolean
  dev?: boolean
  optional?: boolean
  cpu?: string[]
  os?: string[]
  libc?: string[]
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

/** A package made for one platform, under the path it has in the lock file. */
type Unlocked = [path: string, wanted: LockedPackage]

/**
 * The optional packages that some locked package names but that are not locked themselves, ready to
 * be added. npm leaves out what its registry does not serve, and then `npm ci` refuses the file.
 */
export function unlocked(lock: Lockfile): Unlocked[] {
  return Object.entries(lock.packages).flatMap(([parent, { dev, optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !placesFor(name, parent).some((path) => path in lock.packages))
      .map(([name, version]): Unlocked => {
        const flags = dev === undefined ? {} : { dev }
        return [`node_modules/${name}`, { version, ...flags, optional: true, ...platformOf(name) }]
      }),
  )
}

/** Where Node would look for a dependency of the package at `parent`. */
function placesFor(name: string, parent: string): string[] {
  const depths = parent
    .split('/node_modules/')
    .map((_, index, parts) => parts.slice(0, index + 1).join('/node_modules/'))
  return [...depths.map((folder) => `${folder}/node_modules/${name}`), `node_modules/${name}`]
}

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32']
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64']

/** The platform that such a package's name tells: `@oxlint/binding-linux-x64-musl`. */
function platformOf(name: string): Pick<LockedPackage, 'cpu' | 'os' | 'libc'> {
  const words = name.split(/[-/]/)
  const os = words.filter((word) => SYSTEMS.includes(word))
  const cpu = words.filter((word) => PROCESSORS.includes(word))
  if (os.length !== 1 || cpu.length !== 1) throw new Error(`${name} does not tell its platform`)
  return { cpu, ...(words.some((word) => word.startsWith('musl')) && { libc: ['musl'] }), os }
}
