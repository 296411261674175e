import { dial } from '@doublehop/daemon/dial'
import { splice } from '@doublehop/daemon/splice'
import { fault } from '@doublehop/errors/fault'
import type { App } from '../app.ts'

const DIAL_MILLISECONDS = 5000

/** Puts a real server behind the double hop: dials it at once and carries whatever comes first. */
export const tcp: App = async (session, { target, name }) => {
  if (target === undefined)
    throw fault('DH_CONFIG', { file: 'vda', path: `apps.${name}.target`, why: 'missing' })
  splice(session, await dial(target, { milliseconds: DIAL_MILLISECONDS }))
}
