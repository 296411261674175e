import type { Section, Settings, Zones } from '@doublehop/settings/schema'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Audit } from './audit.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'

/** A daemon that has started. */
export interface Daemon<S extends DaemonSection = DaemonSection> {
  /** where it listens: `listen`, `admin` and the like */
  readonly at: Readonly<Record<string, Endpoint>>
  /**
   * Goes on with these settings, for whatever comes from now on; what is under way ends as it began. Of keys that want
   * a restart it knows they are the same.
   *
   * Throws a Fault, and has changed nothing, when it cannot.
   */
  reload(settings: NonNullable<Settings[S]>, zones: Zones): Promise<void>
  /** Takes nothing new and waits for what is under way, up to the drain timeout. True when all of it ended. */
  drain(): Promise<boolean>
  /** Ends everything at once. */
  close(): Promise<void>
}

/** What a daemon is given besides its settings. */
export interface Surroundings {
  readonly log: Logger
  readonly audit: Audit
  readonly metrics: Metrics
  readonly zones: Zones
}

/** Starts a daemon in this process. Rejects with a Fault when it cannot. */
export type Start<S extends DaemonSection> = (
  settings: NonNullable<Settings[S]>,
  surroundings: Surroundings,
) => Promise<Daemon<S>>

export type DaemonSection = Exclude<Section, 'workspace'>
