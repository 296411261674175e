import { fault } from '@doublehop/errors/fault'
import { inNames, inNetworks, type Peers } from '@doublehop/settings/values'
import type { Leg } from './leg.ts'

/**
 * Lets in who is listed: by certificate name, by network, or by both where both are given. Empty lists let nobody in.
 *
 * @throws Fault DH_PEER_NOT_LISTED
 */
export function admit({ peer }: Leg, { names, networks }: Peers): void {
  const known = names.length === 0 || inNames(names, peer.name)
  const near = networks.length === 0 || inNetworks(networks, peer.host)
  if (known && near && names.length + networks.length > 0) return
  throw fault('DH_PEER_NOT_LISTED', { peer: `${peer.name ?? 'no certificate'} at ${peer.host}` })
}
