import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fault } from '@doublehop/errors/fault'

const PROGRAMS = ['unshare', 'nsenter', 'ip', 'ss', 'nft', 'sh', 'find', 'readlink']

/** Programs for who administers, which the path of an ordinary user may not lead to. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** What an isolated lab needs is here. @throws Fault DH_LAB_ISOLATION that names the first thing that is not */
export function assertPossible(): void {
  if (process.platform !== 'linux') throw impossible(`this is ${process.platform}, not Linux`)
  if (process.getuid?.() !== 0) throw impossible('only root makes network namespaces')
  widenPath()
  for (const program of PROGRAMS) programPath(program)
}

/** So that what is started by name from here on is found. */
export function widenPath(): void {
  process.env.PATH = [...new Set(folders())].join(delimiter)
}

/** The absolute path of a program. @throws Fault DH_LAB_ISOLATION */
export function programPath(program: string): string {
  const found = folders()
    .map((folder) => join(folder, program))
    .find(isExecutable)
  if (found === undefined) throw impossible(`there is no program ${program}`)
  return found
}

function folders(): string[] {
  const own = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...own, ...MORE_FOLDERS]
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function impossible(why: string) {
  return fault('DH_LAB_ISOLATION', { why })
}
