import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Identity } from './values.ts'
import type { Zone } from './zones.ts'

/**
 * What a section says of the network: where its daemon listens, and what it dials. Each section tells its own, beside
 * its schema; flows, firewall rules and checks are made of nothing else.
 */
export interface Traffic {
  readonly listens: readonly Listening[]
  readonly dials: readonly Dialling[]
  /** hosts with the same daemon as another section of the file, which dial what that one dials */
  readonly twins?: readonly Twin[]
  /** what the daemon reaches through another one */
  readonly ways?: readonly Way[]
}

/** Through a next hop to an STA, and with a ticket on to a server. */
export interface Way {
  readonly through: Endpoint
  readonly sta: { readonly called: string; readonly url: string }
  readonly redeemAt: 'gateway' | 'proxy'
}

/** Such as the second proxy, which only the gateway's list of next hops tells of. */
export interface Twin {
  readonly of: 'proxy' | 'storefront'
  readonly called: string
  readonly at: Endpoint
}

export type Transport = 'tcp' | 'udp'

/**
 * What answers there, and so how far a check can look: `socks` a SOCKS5 server, `storefront` HTTP behind a PROXY v2
 * header, `sta` an STA asked about the all-zero ticket by who may redeem, `sta-health` an STA asked for itself, `ica`
 * greets first, `echo` sends back, `metrics` HTTP, `tcp` nothing that a stranger could ask; over UDP `dns`, `ntp`, and
 * `edt`, where only `doublehop listen` answers.
 */
export type Language =
  | 'socks'
  | 'storefront'
  | 'sta'
  | 'sta-health'
  | 'ica'
  | 'echo'
  | 'metrics'
  | 'redis'
  | 'dns'
  | 'ntp'
  | 'edt'
  | 'tcp'

export interface Listening {
  /** the listener as logs name it: `listen`, `admin`, `metrics`, `echo.cgp` … */
  readonly listener: string
  /** as configured; a host of all addresses, or loopback, stands for the daemon's own addresses */
  readonly at: Endpoint
  readonly transport: Transport
  readonly speaks: Language
  /** PEM file of the certificate that is shown there; left out without TLS */
  readonly certificate?: string
  /** people who connect here, rather than a daemon that says so itself */
  readonly audience?: Purpose & { readonly zones: readonly Zone[] }
}

export interface Dialling extends Purpose {
  readonly to: Endpoint
  /** how the destination is called where no daemon of the file listens there */
  readonly called: string
  /** who dials, where it is not the daemon of this section */
  readonly by?: 'proxy'
  readonly transport: Transport
  readonly speaks: Language
  /** left out without TLS */
  readonly tls?: DialledTls
}

/** Why a flow is there. */
export interface Purpose {
  readonly why: string
  /** the steps of a launch that need it, 1 to 9; empty where none does */
  readonly steps: readonly number[]
}

/** How TLS is spoken there: whom the caller trusts, and how it shows itself. */
export interface DialledTls extends Partial<Pick<Identity, 'certificate' | 'key' | 'ca'>> {
  /** the name its certificate must hold; left out where only its key is known */
  readonly serverName?: string
}

/** TLS as a daemon dials its neighbours, with its identity. */
export function mutualTls(
  { certificate, key, ca }: Identity,
  serverName: string,
): { readonly tls: DialledTls } {
  return { tls: { certificate, key, ca, serverName } }
}
