import { checkedSettings } from '@doublehop/settings/schema'
import type { z } from 'zod'
import type { Flow } from '../../src/flows/flow.ts'
import { flowsOf } from '../../src/flows/flows.ts'

export type Family = 4 | 6
type Configuration = z.input<ReturnType<typeof checkedSettings>>

/** Where the n-th host of a zone stands: 10.2.0.3, or 2001:db8:2::3. */
export const host = (family: Family, zone: number, number: number): string =>
  family === 4 ? `10.${zone}.0.${number}` : `2001:db8:${zone}::${number}`

export const at = (family: Family, zone: number, number: number, port: number): string =>
  family === 4 ? `${host(4, zone, number)}:${port}` : `[${host(6, zone, number)}]:${port}`

const network = (family: Family, zone: number): string =>
  family === 4 ? (zone === 1 ? '198.51.100.0/24' : `10.${zone}.0.0/24`) : `2001:db8:${zone}::/64`

/** A gateway, a proxy, a storefront, an STA and a VDA with one app, each where the picture has it; nothing else. */
export function plain(family: Family) {
  const identity = { certificate: 'tls.crt', key: 'tls.key', ca: 'ca.crt' }
  const stas = [{ id: 'STA01', urls: [`https://${at(family, 4, 2, 8080)}`] }]
  const servers = {
    cgp: at(family, 4, 3, 2598),
    ica: at(family, 4, 3, 1494),
  }
  return {
    zones: {
      internet: [network(family, 1)],
      dmz1: [network(family, 2)],
      dmz2: [network(family, 3)],
      internal: [network(family, 4)],
      lan: [network(family, 5)],
      management: [network(family, 9)],
    },
    gateway: {
      admin: '127.0.0.1:9101',
      listen: at(family, 2, 2, 443),
      tls: { certificate: 'gateway.crt', key: 'gateway.key' },
      identity,
      nextHops: [{ name: 'proxy', address: at(family, 3, 2, 1080), serverName: 'proxy' }],
      stas,
      storefronts: [{ address: at(family, 3, 3, 8444), serverName: 'storefront' }],
    },
    proxy: {
      admin: '127.0.0.1:9102',
      listen: at(family, 3, 2, 1080),
      allow: { names: ['gateway'] },
      grants: { keys: ['file:grant.key'] },
      identity,
      stas,
    },
    storefront: {
      admin: '127.0.0.1:9103',
      listen: at(family, 3, 3, 8444),
      identity,
      gateways: { names: ['gateway'] },
      tokenDigest: 'file:token.sha256',
      serviceKey: 'file:service.key',
      stas,
      apps: [{ name: 'desktop', cgpAddress: servers.cgp, icaAddress: servers.ica }],
    },
    sta: {
      admin: '127.0.0.1:9104',
      authorityId: 'STA01',
      listen: at(family, 4, 2, 8080),
      identity,
      serviceKey: 'file:service.key',
      issuers: { names: ['storefront'] },
      redeemers: { names: ['proxy'] },
    },
    vda: {
      admin: '127.0.0.1:9105',
      apps: [
        {
          ...({ name: 'desktop', kind: 'echo' } as const),
          ...{ listenCgp: servers.cgp, listenIca: servers.ica },
        },
      ],
    },
  } satisfies Configuration
}

/** With a name server in internal, which the gateway reaches through two firewalls, EDT, and metrics. */
export function rich(family: Family): Configuration {
  const basis = plain(family)
  return {
    ...basis,
    network: { edt: true },
    gateway: { ...basis.gateway, services: { dns: [at(family, 4, 53, 53)] } },
    proxy: { ...basis.proxy, metrics: { listen: at(family, 3, 2, 9202) } },
  }
}

export function flowsIn(configuration: Configuration): Flow[] {
  return flowsOf(checkedSettings('/etc/doublehop').parse(configuration))
}

/** `gateway-proxy-1080: 10.2.0.2 → 10.3.0.2 1080/tcp by 2` */
export function line({ id, from, to, port, protocol, firewalls }: Flow): string {
  return `${id}: ${from.network} → ${to.address} ${port}/${protocol} by ${firewalls.join(', ')}`
}
