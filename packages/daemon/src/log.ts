import { pino } from 'pino'
import pretty from 'pino-pretty'
import { LogFile } from './log-file.ts'

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
  return pino({ level, ...shapeOfLines(name) }, openDestination(file, 'log.file'))
}

/** A log that writes its lines elsewhere: for daemons that run inside a test. */
export function logTo(name: string, write: (line: string) => void): Logger {
  return pino({ level: 'debug', ...shapeOfLines(name) }, { write })
}

/** What every line of a daemon begins with. */
export function shapeOfLines(name: string): pino.LoggerOptions {
  return {
    base: { daemon: name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  }
}

/**
 * Where lines go: appended to a file, or to standard output.
 *
 * @param path where the file stands in the configuration, for errors
 * @throws Fault DH_CONFIG when the file cannot be opened
 */
export function openDestination(file: string | undefined, path: string): pino.DestinationStream {
  return file === undefined ? standardOutput() : openFile(file, path)
}

/** What waits to be written while standard output takes nothing, such as a file on a full disk; more is lost. */
const MOST_WAITING = 1024 ** 2

function standardOutput(): pino.DestinationStream {
  if (!process.stdout.isTTY)
    // That it cannot be written ends no session, and there is nowhere else to say so.
    return pino.destination({ dest: 1, sync: true, maxLength: MOST_WAITING }).on('error', () => {})
  return pretty({
    sync: true,
    ignore: 'pid,hostname,event,step,name,route,detail',
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
  })
}

const FILES = new Set<LogFile>()

/** Opens every log file anew under its name: whoever moved it away has it to itself from here on. @throws Fault DH_CONFIG when one cannot be opened */
export function reopenFiles(): void {
  for (const file of FILES) file.reopen()
}

function openFile(file: string, path: string): pino.DestinationStream {
  const opened = new LogFile(file, path)
  FILES.add(opened)
  return opened
}
