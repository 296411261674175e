import type { DialledTls, Language, Transport } from '@doublehop/settings/traffic'
import type { Zone } from '@doublehop/settings/zones'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import type { Firewall } from './paths.ts'

/** One source, one destination, one protocol, one port: what is one rule on each firewall of its path. */
export interface Flow {
  /** `gateway-proxy-1080`: what `--only`, `drop` and `leak` take; unique within a configuration */
  readonly id: string
  readonly expect: 'allow' | 'deny'
  readonly from: Source
  readonly to: Destination
  readonly protocol: Transport
  readonly port: number
  readonly family: 4 | 6
  /** in the order a packet meets them; never empty */
  readonly firewalls: readonly Firewall[]
  readonly why: string
  /** the steps of a launch that need it, in order; empty where none does */
  readonly steps: readonly number[]
  readonly speaks: Language
  /** how the source speaks TLS there; undefined without */
  readonly tls: FlowTls | undefined
}

export interface Source {
  /** a daemon, or a zone of people */
  readonly name: string
  readonly zone: Zone
  /** what a rule holds: an address, a network, or `any` */
  readonly network: string
  /** the address that a check starts from; undefined where no host of it is known */
  readonly address: string | undefined
}

export interface Destination {
  readonly name: string
  readonly zone: Zone
  /** IPv4 dotted, IPv6 as in RFC 5952 */
  readonly address: string
  /** the name that the configuration dials, where it is no address */
  readonly host: string | undefined
}

export interface FlowTls extends DialledTls {
  /** PEM file of the certificate that is expected there, where this configuration knows it */
  readonly expected?: string
}

/** `10.2.0.2 → 10.3.0.2:1080`, an IPv6 address in brackets before a port. */
export function route(flow: Pick<Flow, 'from' | 'to' | 'port'>): string {
  return `${flow.from.address ?? flow.from.network} → ${place(flow)}`
}

/** `10.3.0.2:1080`, an IPv6 address in brackets. */
export function place({ to, port }: Pick<Flow, 'to' | 'port'>): string {
  return formatEndpoint({ host: to.address, port })
}

/** `steps 2, 5`, `step 3`, or nothing. */
export function stepsText(steps: readonly number[]): string {
  if (steps.length === 0) return ''
  return `${steps.length === 1 ? 'step' : 'steps'} ${steps.join(', ')}`
}

/** `firewall 2`, `firewalls 2 and 3`, `firewalls 1, 2 and 3`. */
export function firewallsText(firewalls: readonly Firewall[]): string {
  if (firewalls.length === 1) return `firewall ${firewalls[0]}`
  return `firewalls ${firewalls.slice(0, -1).join(', ')} and ${firewalls.at(-1)}`
}
