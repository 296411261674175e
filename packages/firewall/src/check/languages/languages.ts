import type { Probe } from '../plan.ts'
import { nameQueryOverTcp } from './dns.ts'
import { echo } from './echo.ts'
import { ica } from './ica.ts'
import type { Language } from './language.ts'
import { metrics } from './metrics.ts'
import { redis } from './redis.ts'
import { socks } from './socks.ts'
import { sta, staHealth } from './sta.ts'
import { storefront } from './storefront.ts'

/** `tcp` has none: nothing can be asked there. */
export const LANGUAGES: Partial<Record<Probe['speaks'], Language>> = {
  socks: { layer: 'socks', ask: socks },
  storefront: { layer: 'http', ask: storefront },
  sta: { layer: 'sta', ask: sta },
  'sta-health': { layer: 'sta', ask: staHealth },
  ica: { layer: 'ica', ask: ica },
  echo: { layer: 'echo', ask: echo },
  metrics: { layer: 'http', ask: metrics },
  redis: { layer: 'redis', ask: redis },
  dns: { layer: 'dns', ask: nameQueryOverTcp },
}
