import type { SecureContext } from 'node:tls'
import type { Generation } from '@doublehop/daemon/generations'
import { dialContext } from '@doublehop/daemon/tls'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import type { LastingParts } from './lasting-parts.ts'
import { NextHops } from './next-hops.ts'
import { Stas } from './stas.ts'

/** All that a client's connection may need. */
export interface GatewayParts extends LastingParts, Generation {
  readonly settings: GatewaySettings
  /** how the gateway shows itself to storefronts */
  readonly context: SecureContext
  readonly nextHops: NextHops
  readonly stas: Stas
}

/** What these settings make of the gateway. @throws Fault DH_CERTIFICATE, DH_CONFIG_SECRET */
export function partsFor(
  settings: GatewaySettings,
  lasting: LastingParts,
  former?: GatewayParts,
): GatewayParts {
  const nextHops = new NextHops(settings, lasting, former?.nextHops)
  const stas = new Stas(settings, nextHops, lasting)
  return {
    ...lasting,
    settings,
    context: dialContext(settings.identity),
    nextHops,
    stas,
    retire() {
      nextHops.retire()
      stas.retire()
    },
    close() {
      stas.close()
      nextHops.close()
    },
  }
}
