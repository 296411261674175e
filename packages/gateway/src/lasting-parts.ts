import type { FailureDelay } from '@doublehop/daemon/failure-delay'
import type { SessionBooks, Sessions } from '@doublehop/daemon/session'
import type { SessionLimit } from '@doublehop/daemon/session-limit'
import type { SpentMarks } from '@doublehop/daemon/spent'
import type { GatewayCounters } from './counters.ts'
import type { HopConnections } from './hop-connections.ts'
import type { StorefrontCarrier } from './storefront-carrier.ts'

/** What outlives a reload. */
export interface LastingParts extends SessionBooks {
  readonly sessions: Sessions
  readonly limit: SessionLimit
  readonly failures: FailureDelay
  readonly spent: SpentMarks
  readonly counters: GatewayCounters
  readonly hopConnections: HopConnections
  readonly storefronts: StorefrontCarrier
}
