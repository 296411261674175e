import type { FailureDelay } from '@doublehop/daemon/failure-delay'
import type { SessionBooks, Sessions } from '@doublehop/daemon/session'
import type { SessionLimit } from '@doublehop/daemon/session-limit'
import type { SpentMarks } from '@doublehop/daemon/spent'
import type { StaCounters } from '@doublehop/sta-client/counters'

/** What outlives a reload. */
export interface LastingParts extends SessionBooks {
  readonly sessions: Sessions
  readonly limit: SessionLimit
  readonly failures: FailureDelay
  readonly spent: SpentMarks
  /** under the MAC of every grant; empty where other proxies share `spent` and may take our grants */
  readonly instance: string
  readonly counters: StaCounters
}
