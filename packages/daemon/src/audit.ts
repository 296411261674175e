import { pino } from 'pino'
import { openDestination, shapeOfLines } from './log.ts'

/** What is written down; docs/audit.md says with which fields. */
export const AUDIT_EVENTS = [
  'ticket-issued',
  'ticket-redeemed',
  'ticket-refused',
  'grant-minted',
  'grant-accepted',
  'grant-refused',
  'session-opened',
  'session-closed',
  'configuration-reloaded',
  'configuration-refused',
] as const

export type AuditEvent = (typeof AUDIT_EVENTS)[number]

/** Who did what, for those who have to account for it: apart from the log, and whatever the log's level. */
export type Audit = (event: AuditEvent, fields: Readonly<Record<string, unknown>>) => void

export interface AuditOptions {
  /** the daemon's name, on every line */
  readonly name: string
  /** a file to append to; left out, standard output */
  readonly file?: string | undefined
}

/** The audit log of a daemon: JSON lines, written synchronously. @throws Fault DH_CONFIG when the file cannot be opened */
export function openAudit({ name, file }: AuditOptions): Audit {
  return auditTo(name, openDestination(file, 'audit.file'))
}

/** An audit log that writes its lines elsewhere: for daemons that run inside a test. */
export function auditTo(name: string, destination: pino.DestinationStream): Audit {
  const lines = pino({ level: 'info', ...shapeOfLines(name) }, destination)
  return (event, fields) => lines.info({ audit: true, event, ...fields })
}
