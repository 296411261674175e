import { get } from 'node:http'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type Fault, fault } from '@doublehop/errors/fault'
import { runErrand } from './lab/isolated/errand.ts'

/** Where a daemon can be asked. */
export interface Askable {
  readonly at: string
  readonly inside: readonly string[]
}

/** It answers out of its memory: whoever takes longer does not answer. */
const PATIENCE_MILLISECONDS = 3000

export interface AdminQuestion {
  readonly at: string
  readonly path: string
}

/**
 * Asks an admin listener, such as for `/readyz`.
 *
 * @param at its `address:port`, and what stands before a command that is to run on its host, where that is another
 * @returns the JSON it answers, whatever the status
 * @throws Fault DH_DIAL_…
 */
export async function askAdmin({ at, inside }: Askable, path: string): Promise<unknown> {
  if (inside.length === 0) return await askAdminHere(at, path)
  const module = fileURLToPath(import.meta.resolve('./ask-admin-process.ts'))
  const question: AdminQuestion = { at, path }
  return await runErrand(inside, module, question)
}

/** The same from where this process is. */
export async function askAdminHere(at: string, path: string): Promise<unknown> {
  const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS)
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  get(`http://${at}${path}`, { agent: false, signal }, (response) => resolve(json(response))).on(
    'error',
    reject,
  )
  try {
    return await promise
  } catch (error) {
    throw explained(error as NodeJS.ErrnoException, at)
  }
}

function explained(error: NodeJS.ErrnoException, address: string): Fault {
  const seconds = PATIENCE_MILLISECONDS / 1000
  if (error.code === 'ECONNREFUSED') return fault('DH_DIAL_REFUSED', { address }, error)
  if (error.code === 'ABORT_ERR') return fault('DH_DIAL_TIMEOUT', { address, seconds }, error)
  const why = error instanceof SyntaxError ? 'what answers there is no admin listener' : error.code
  return fault('DH_DIAL_HOST_UNREACHABLE', { address, why: why ?? error.message }, error)
}
