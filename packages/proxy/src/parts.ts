import type { Generation } from '@doublehop/daemon/generations'
import type { ProxySettings } from '@doublehop/settings/proxy'
import { Destinations } from './destinations.ts'
import { Grants } from './grants.ts'
import type { LastingParts } from './lasting-parts.ts'
import { Stas } from './stas.ts'

/** All that a connection from a first hop may need. */
export interface ProxyParts extends LastingParts, Generation {
  readonly settings: ProxySettings
  readonly stas: Stas
  readonly destinations: Destinations
  readonly grants: Grants
}

/** What these settings make of the proxy. @throws Fault DH_CERTIFICATE, DH_CONFIG_SECRET */
export function partsFor(settings: ProxySettings, lasting: LastingParts): ProxyParts {
  const stas = new Stas(settings, lasting)
  return {
    ...lasting,
    settings,
    stas,
    destinations: new Destinations(settings),
    grants: new Grants(settings, lasting),
    retire() {},
    close: () => stas.close(),
  }
}
