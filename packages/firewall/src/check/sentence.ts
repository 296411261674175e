import { formatEndpoint } from '@doublehop/wire/endpoint'
import type { CheckedFlow } from './result.ts'

/** `tcp 10.2.0.2 → 10.3.0.2:1080`, as somebody writes it into a firewall. */
export function rule({ protocol, from, to, port }: CheckedFlow): string {
  return `${protocol} ${from.address} → ${formatEndpoint({ host: to.address, port })}`
}

/** What does not work without the flow. */
export function consequence({ steps, why }: CheckedFlow): string {
  const [first] = steps
  return first === undefined ? `it is needed because ${why}` : `launches stop at step ${first}`
}

/** A filter for tcpdump that shows this flow and the ICMP errors about it. */
export function capture({ protocol, from, to, port }: CheckedFlow): string {
  const icmp = to.address.includes(':') ? 'icmp6' : 'icmp'
  const source = from.address.includes('/') ? `net ${from.address}` : `host ${from.address}`
  const here = from.address === 'any' ? '' : `${source} and `
  return `${here}host ${to.address} and ${protocol} port ${port} or ${icmp}`
}
