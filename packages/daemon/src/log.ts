import { fault } from '@doublehop/errors/fault'
import { pino } from 'pino'
import pretty from 'pino-pretty'

export type Logger = pino.Logger

/** Where and how much a daemon logs. */
export interface LogOptions {
  /** the daemon's name, on every line */
  readonly name: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** a file to append to; left out, standard output */
  readonly file?: string | undefined
}

/**
 * The log of a daemon: JSON lines, or one readable line each on a terminal. Written synchronously, since an
 * asynchronous destination loses its last lines when the process ends.
 *
 * @throws Fault DH_CONFIG when the file cannot be opened
 */
export function openLog({ name, level, file }: LogOptions): Logger {
  return pino({ level, ...shape(name) }, file === undefined ? standardOutput() : openFile(file))
}

/** A log that writes its lines elsewhere: for daemons that run inside a test. */
export function logTo(name: string, write: (line: string) => void): Logger {
  return pino({ level: 'debug', ...shape(name) }, { write })
}

function shape(name: string): pino.LoggerOptions {
  return {
    base: { daemon: name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  }
}

function standardOutput(): pino.DestinationStream {
  if (!process.stdout.isTTY) return pino.destination({ dest: 1, sync: true })
  return pretty({
    sync: true,
    ignore: 'pid,hostname,event,step,name,route,detail',
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
  })
}

function openFile(file: string): pino.DestinationStream {
  try {
    return pino.destination({ dest: file, sync: true, append: true, mkdir: true, mode: 0o640 })
  } catch (error) {
    throw fault('DH_CONFIG', { file, path: 'log.file', why: (error as Error).message }, error)
  }
}
