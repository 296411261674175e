import type { Generation } from '@doublehop/daemon/generations'
import type { Logger } from '@doublehop/daemon/log'
import type { StorefrontSettings } from '@doublehop/settings/storefront'
import { TicketIssuer } from './ticket-issuer.ts'

/** What settings make of the storefront. */
export interface StorefrontParts extends Generation {
  readonly settings: StorefrontSettings
  readonly issuer: TicketIssuer
  /** SHA-256 of the bearer token, as hex */
  readonly tokenDigest: string
}

/** @throws Fault DH_CERTIFICATE, DH_CONFIG_SECRET */
export function partsFor(settings: StorefrontSettings, log: Logger): StorefrontParts {
  const issuer = new TicketIssuer(settings, log)
  return {
    settings,
    issuer,
    tokenDigest: settings.tokenDigest.reveal('storefront.tokenDigest').toLowerCase(),
    retire() {},
    close: () => issuer.close(),
  }
}
