import type { Logger } from '@doublehop/daemon/log'
import type { Metrics } from '@doublehop/daemon/metrics'
import type { Sessions } from '@doublehop/daemon/session'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import type { GatewayCounters } from './counters.ts'
import type { NextHops } from './next-hops.ts'
import type { Stas } from './stas.ts'
import type { StorefrontCarrier } from './storefront-carrier.ts'

/** All that a client's connection may need. */
export interface GatewayParts {
  readonly settings: GatewaySettings
  readonly sessions: Sessions
  readonly nextHops: NextHops
  readonly stas: Stas
  readonly storefronts: StorefrontCarrier
  readonly counters: GatewayCounters
  readonly log: Logger
  readonly metrics: Metrics
}
