import type { Layer, Observed } from './result.ts'

/** What one probe saw, before anybody judges it. */
export interface Observation {
  readonly layers: readonly Layer[]
  readonly observed: Observed
  /** what the word leaves open, such as `closed or rejected`, or who sent the ICMP error and which */
  readonly note?: string
  /** source ports of its attempts */
  readonly ports: readonly number[]
  /** nonces of the datagrams it sent, in hex */
  readonly nonces?: readonly string[]
  /** set when the source address is not one of this host */
  readonly elsewhere?: true
  /** set when `doublehop listen` answered in the daemon's place, with the source that it saw */
  readonly standIn?: { readonly address: string; readonly port: number }
}
