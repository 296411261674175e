/** How a refusal sounds: an ICMP error, or a TCP reset. */
export const REFUSALS = [
  'port-unreachable',
  'admin-prohibited',
  'host-unreachable',
  'tcp-reset',
] as const
export type Refusal = (typeof REFUSALS)[number]
