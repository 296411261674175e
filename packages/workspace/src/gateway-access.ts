import { type DialOptions, dial } from '@doublehop/daemon/dial'
import type { Leg } from '@doublehop/daemon/leg'
import { dialContext } from '@doublehop/daemon/tls'
import type { Endpoint } from '@doublehop/wire/endpoint'

/** How a workspace reaches its gateway. */
export interface GatewayAddress {
  readonly gateway: Endpoint
  /** name or address its certificate must hold; the host of the gateway if left out */
  readonly serverName?: string | undefined
  /** PEM file of the CA; left out, the public ones are trusted */
  readonly ca?: string | undefined
}

const DIAL_MILLISECONDS = 10_000

/** Opens TLS connections to one gateway. */
export class GatewayAccess {
  readonly address: GatewayAddress
  readonly #tls: NonNullable<DialOptions['tls']>

  /** @throws Fault DH_CERTIFICATE when the CA cannot be read */
  constructor(address: GatewayAddress) {
    this.address = address
    this.#tls = {
      context: dialContext({ ca: address.ca }),
      serverName: address.serverName ?? address.gateway.host,
    }
  }

  /** @throws Fault DH_DIAL_… */
  dial(signal?: AbortSignal): Promise<Leg> {
    return dial(this.address.gateway, { milliseconds: DIAL_MILLISECONDS, tls: this.#tls, signal })
  }
}
