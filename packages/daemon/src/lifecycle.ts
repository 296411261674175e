import { parseArgs } from 'node:util'
import { asFault, type Fault, fault } from '@doublehop/errors/fault'
import { loadSettings, sectionOf } from '@doublehop/settings/load'
import { type Override, parseOverride } from '@doublehop/settings/overrides'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { handedSockets } from './activation.ts'
import { openAudit } from './audit.ts'
import { Configuration } from './configuration.ts'
import type { Daemon, DaemonSection, Start } from './daemon.ts'
import { type Logger, openLog } from './log.ts'
import { Metrics } from './metrics.ts'

/** sysexits.h: EX_CONFIG, which service managers know not to retry. */
const EXIT_CONFIGURATION = 78
/** As the doublehop command. */
const EXIT_USAGE = 2

/**
 * The main function of a daemon's own command, `doublehop-gateway --config FILE`. Ends the process: one that could not
 * start may hold listeners that it had opened before.
 */
export async function main<S extends DaemonSection>(section: S, start: Start<S>): Promise<void> {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string', default: 'doublehop.yaml' },
        set: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return void process.stdout.write(usage(section))
    process.exit(await run(section, start, values.config, values.set.map(parseOverride)))
  } catch (error) {
    const failure =
      error instanceof TypeError ? fault('DH_USAGE', { why: error.message }) : asFault(error)
    process.exit(reportStartFailure(section, failure))
  }
}

/**
 * Runs a daemon until a signal ends it.
 *
 * @returns its exit code: 0 drained, 1 sessions were cut or it failed, 78 configuration
 */
export async function run<S extends DaemonSection>(
  section: S,
  start: Start<S>,
  file: string,
  overrides: readonly Override[] = [],
): Promise<number> {
  const hangUps = new HangUps()
  try {
    const settings = loadSettings(file, overrides)
    const own = sectionOf(settings, section, file)
    const name = own.name ?? section
    const log = openLog({ name, ...own.log })
    const audit = openAudit({ name, file: own.audit.file ?? own.log.file })
    const metrics = new Metrics()
    metrics.watchProcess()
    const configuration = new Configuration({
      section,
      file,
      overrides,
      settings,
      log,
      audit,
      metrics,
    })
    const daemon = await start(own, { log, audit, metrics, zones: settings.zones })
    handedSockets.noneLeft()
    const signals = twoSignals()
    configuration.warn()
    hangUps.answer(() => configuration.reload(daemon))
    announce(daemon, log)
    return await untilSignal(signals, daemon, log)
  } catch (error) {
    return reportStartFailure(section, asFault(error))
  }
}

/** One clear line, and the exit code. */
function reportStartFailure(
  section: string,
  { code, message, action, class: kind }: Fault,
): number {
  process.stderr.write(`doublehop ${section}: ${message}\n  ${code} · ${action}\n`)
  if (kind === 'usage') return EXIT_USAGE
  return kind === 'configuration' ? EXIT_CONFIGURATION : 1
}

/** Says that it is ready: in the log, and to the parent process if that asked for messages. */
function announce(daemon: Daemon, log: Logger): void {
  const at = Object.fromEntries(
    Object.entries(daemon.at).map(([name, where]) => [name, formatEndpoint(where)]),
  )
  log.info(
    { event: 'ready', at },
    `ready: ${Object.entries(at)
      .map((pair) => pair.join(' '))
      .join(', ')}`,
  )
  process.send?.({ event: 'ready', at })
  // A parent that asked for messages and is gone cannot end its daemons any more, so they end themselves.
  process.channel?.unref()
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
}

/** SIGHUPs are answered one after the other, also those that came while the daemon started. */
class HangUps {
  readonly #ready = Promise.withResolvers<() => Promise<void>>()
  #last: Promise<void> = Promise.resolve()

  constructor() {
    process.on('SIGHUP', () => {
      this.#last = this.#last.then(async () => (await this.#ready.promise)())
    })
  }

  answer(reload: () => Promise<void>): void {
    this.#ready.resolve(reload)
  }
}

/** SIGTERM and SIGINT drain; a second one ends at once. */
async function untilSignal(
  { first, second }: TwoSignals,
  daemon: Daemon,
  log: Logger,
): Promise<number> {
  const signal = await first
  log.info({ event: 'draining', signal }, `${signal}: draining`)
  const drained = await Promise.race([daemon.drain(), second.then(() => false)])
  await daemon.close()
  log.info(
    { event: 'stopped', drained },
    drained ? 'stopped, drained' : 'stopped, sessions were cut',
  )
  return drained ? 0 : 1
}

type TwoSignals = Record<'first' | 'second', Promise<NodeJS.Signals>>

/** Listens to both from the beginning: while nobody did, a signal would end the process without a word. */
function twoSignals(): TwoSignals {
  const first = Promise.withResolvers<NodeJS.Signals>()
  const second = Promise.withResolvers<NodeJS.Signals>()
  let seen = 0
  const onSignal = (signal: NodeJS.Signals): void => (++seen === 1 ? first : second).resolve(signal)
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  return { first: first.promise, second: second.promise }
}

function usage(section: string): string {
  return `doublehop-${section} [--config FILE] [--set path=value …]

Runs the ${section} in the foreground with the ${section} section of FILE (doublehop.yaml).
SIGTERM and SIGINT drain it, a second one ends it at once. SIGHUP reloads configuration and certificates.
`
}
