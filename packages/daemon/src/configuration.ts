import { asFault, fault } from '@doublehop/errors/fault'
import { adviceOn } from '@doublehop/settings/advice'
import { loadSettings, sectionOf } from '@doublehop/settings/load'
import type { Override } from '@doublehop/settings/overrides'
import { changedForRestart } from '@doublehop/settings/restart'
import type { Settings } from '@doublehop/settings/schema'
import type { Audit } from './audit.ts'
import { CertificateWatch, type WatchedCertificates } from './certificate-watch.ts'
import type { Daemon, DaemonSection } from './daemon.ts'
import { type Logger, reopenFiles } from './log.ts'
import type { Metrics } from './metrics.ts'

export interface ConfigurationOptions<S extends DaemonSection> {
  readonly section: S
  readonly file: string
  readonly overrides: readonly Override[]
  /** as they were read for the start */
  readonly settings: Settings
  readonly log: Logger
  readonly audit: Audit
  readonly metrics: Metrics
}

/** The configuration a daemon runs with: what it warns of, and how SIGHUP puts a newer one in its place. */
export class Configuration<S extends DaemonSection> {
  readonly #options: ConfigurationOptions<S>
  readonly #certificates: CertificateWatch
  #settings: Settings
  #wasRefused = false
  #since = Date.now()

  constructor(options: ConfigurationOptions<S>) {
    const { log, metrics, settings } = options
    this.#options = options
    this.#settings = settings
    this.#certificates = new CertificateWatch(log, metrics)
    metrics.gauge(
      'doublehop_config_last_reload_successful',
      'Whether the last reload was taken: 1, or 0 while the daemon runs with the configuration before',
      () => (this.#wasRefused ? 0 : 1),
    )
    metrics.gauge(
      'doublehop_config_last_reload_success_timestamp_seconds',
      'When the configuration that is at work was read',
      () => this.#since / 1000,
    )
  }

  /** Says what is allowed and yet looks wrong. */
  warn(): void {
    const { section, log } = this.#options
    this.#certificates.look(certificatesOf(this.#settings[section]))
    for (const { path, why } of adviceOn(this.#settings)) {
      const { code, message, action } = fault('DH_STA_LISTS', { why: `${path} ${why}` })
      log.warn({ event: 'sta-lists-differ', code, action }, message)
    }
  }

  /** Reads the file again; all of it holds from now on, or nothing does. Never rejects. */
  async reload(daemon: Daemon): Promise<void> {
    const { section, file, overrides, log, audit } = this.#options
    try {
      // Before anything is said: whoever moves log files away sends SIGHUP too.
      reopenFiles()
      const settings = loadSettings(file, overrides)
      const own = sectionOf(settings, section, file)
      const fixed = changedForRestart(section, this.#settings[section], own)
      if (fixed !== undefined) throw fault('DH_RELOAD', { path: fixed })
      await daemon.reload(own, settings.zones)
      this.#settings = settings
      this.#wasRefused = false
      this.#since = Date.now()
      log.level = own.log.level
      audit('configuration-reloaded', { file })
      log.info({ event: 'reloaded', file }, `reloaded ${file}`)
      this.warn()
    } catch (error) {
      const { code, message, action } = asFault(error)
      this.#wasRefused = true
      audit('configuration-refused', { file, code })
      log.error(
        { event: 'reload-refused', code, action },
        `not reloaded, the configuration before stays: ${message}`,
      )
    }
  }
}

/** The certificates a section names, by what they are for. */
function certificatesOf(section: Settings[DaemonSection]): WatchedCertificates {
  const { tls, identity } = (section ?? {}) as Partial<NonNullable<Settings['gateway']>>
  return {
    tls: tls?.certificate,
    'tls-client-ca': tls?.clientCa,
    identity: identity?.certificate,
    ca: identity?.ca,
  }
}
