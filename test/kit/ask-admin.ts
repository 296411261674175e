import type { Endpoint } from '@doublehop/wire/endpoint'
import { formatEndpoint } from '@doublehop/wire/endpoint'

/** A connection as /sessions shows it. */
export interface ShownSession {
  readonly id?: string
  readonly peer: string
  readonly peerName?: string
  readonly server?: string
  readonly step?: string
  readonly since: string
  readonly bytesUp: number
  readonly bytesDown: number
}

/** What /sessions says. */
export interface Shown {
  readonly sessions: ShownSession[]
  /** at an STA: connections */
  readonly requests: readonly { readonly peer: string }[]
  readonly handshakes: readonly { readonly peer: string }[]
  /** at a gateway: connections carried to a storefront */
  readonly http?: readonly { readonly peer: string }[]
  readonly hopConnections: { readonly peer: string; readonly what: string; readonly hop?: string }[]
}

/** Asks an admin listener for its sessions. */
export async function shownBy(admin: Endpoint | string | undefined): Promise<Shown> {
  return (await (await askAdmin(admin, '/sessions')).json()) as Shown
}

/** Asks an admin listener. */
export function askAdmin(admin: Endpoint | string | undefined, path: string): Promise<Response> {
  if (admin === undefined) throw new Error('this daemon has no admin listener')
  return fetch(`http://${typeof admin === 'string' ? admin : formatEndpoint(admin)}${path}`)
}
