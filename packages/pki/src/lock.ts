import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const SQLITE_BUSY = 5

/**
 * Does the work while no other process and no other thread works in the folder. The lock is the one
 * SQLite takes on an empty file, because the kernel gives it back when its holder dies.
 * @param patience in milliseconds, how long to wait for who holds it
 * @throws Error if the folder is still held then, or if nothing can be written there
 */
export function holding<T>(folder: string, work: () => T, patience = 30_000): T {
  const path = join(folder, '.lock')
  const lock = take(path, folder, patience)
  try {
    chmodSync(path, 0o600)
    return work()
  } finally {
    lock.close()
  }
}

function take(path: string, folder: string, patience: number): DatabaseSync {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(path, { timeout: patience })
    lock.exec('pragma journal_mode = memory; begin exclusive')
    return lock
  } catch (error) {
    lock?.close()
    const busy = (error as { errcode?: number }).errcode === SQLITE_BUSY
    const reason = busy ? `another process is at work in ${folder}` : `${path} cannot be locked`
    throw new Error(reason, { cause: error })
  }
}
