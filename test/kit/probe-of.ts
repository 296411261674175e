import type { Probe } from '@doublehop/firewall/check/plan'

/** A probe from this host to itself unless told otherwise: of a needed flow, over TCP, that ends at TCP. */
export function probeOf(more: ProbeParts & { readonly port: number }): Probe {
  const { from = '127.0.0.1', to = '127.0.0.1', host, ...rest } = more
  return {
    id: 'gateway-proxy',
    expect: 'allow',
    from: { name: 'gateway', zone: 'dmz1', network: from, address: from },
    to: { name: 'proxy', zone: 'dmz2', address: to, ...(host !== undefined && { host }) },
    protocol: 'tcp',
    firewalls: [2],
    why: 'tests need it',
    steps: [2],
    speaks: 'tcp',
    ...rest,
  }
}

/** What a test says otherwise; its ends by their addresses. */
export interface ProbeParts extends Partial<Omit<Probe, 'from' | 'to'>> {
  readonly from?: string
  readonly to?: string
  /** the name that the destination is dialled by */
  readonly host?: string
}
