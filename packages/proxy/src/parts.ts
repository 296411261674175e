import type { Logger } from '@doublehop/daemon/log'
import type { Metrics } from '@doublehop/daemon/metrics'
import type { Sessions } from '@doublehop/daemon/session'
import type { ProxySettings } from '@doublehop/settings/proxy'
import type { Destinations } from './destinations.ts'
import type { Grants } from './grants.ts'
import type { StaRelay } from './relay.ts'
import type { Stas } from './stas.ts'

/** All that a connection from a first hop may need. */
export interface ProxyParts {
  readonly settings: ProxySettings
  readonly sessions: Sessions
  readonly stas: Stas
  readonly destinations: Destinations
  readonly grants: Grants
  readonly relay: StaRelay
  readonly log: Logger
  readonly metrics: Metrics
}
