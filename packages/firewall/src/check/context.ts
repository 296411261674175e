import { type Stats, statSync } from 'node:fs'
import type { SecureContext } from 'node:tls'
import { dialContext } from '@doublehop/daemon/tls'
import { fault } from '@doublehop/errors/fault'
import type { ProbeTls } from './plan.ts'

/** Those of this run: all probes of a daemon show and trust the same files, and making one costs as much as a handshake. */
const CONTEXTS = new Map<string, SecureContext>()
const CONTEXT_MILLISECONDS = 1000

/** Far more than all CAs of the world take. */
const LARGEST = 4 * 1024 * 1024

/**
 * Whom a probe trusts, and how it shows itself; without both files of its own it shows no certificate.
 *
 * @throws Fault DH_CERTIFICATE
 */
export function contextOf({ certificate, key, ca }: ProbeTls): SecureContext {
  const files = certificate !== undefined && key !== undefined ? { certificate, key, ca } : { ca }
  const name = JSON.stringify(files)
  const made = CONTEXTS.get(name)
  if (made !== undefined) return made
  for (const file of Object.values(files)) if (file !== undefined) assertSmall(file)
  const context = dialContext(files)
  CONTEXTS.set(name, context)
  // The next run reads the files again.
  setTimeout(() => CONTEXTS.delete(name), CONTEXT_MILLISECONDS).unref()
  return context
}

/** A plan of others may name anything: a pipe would keep us waiting, a device never ends. */
function assertSmall(file: string): void {
  const { size, isFile } = statOf(file)
  if (!isFile) throw fault('DH_CERTIFICATE', { file, why: 'it is no regular file' })
  if (size > LARGEST) throw fault('DH_CERTIFICATE', { file, why: 'it is longer than 4 MiB' })
}

function statOf(file: string): { readonly size: number; readonly isFile: boolean } {
  try {
    const stats: Stats = statSync(file)
    return { size: stats.size, isFile: stats.isFile() }
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    throw fault('DH_CERTIFICATE', { file, why }, error)
  }
}
