import { checkedSettings } from '@doublehop/settings/schema'
import type { Flow } from '../src/flows/flow.ts'
import { flowsOf } from '../src/flows/flows.ts'

/** The flows of a usual double hop, with a name server and a metrics scrape in management. */
export function sampleFlows(family: 4 | 6 = 4): readonly Flow[] {
  const before = made.get(family)
  if (before !== undefined) return before
  const settings = family === 4 ? settingsOf(v4) : settingsOf(v6)
  const flows = flowsOf(checkedSettings('/etc/doublehop').parse(settings))
  made.set(family, flows)
  return flows
}

const made = new Map<4 | 6, readonly Flow[]>()

interface Numbering {
  readonly host: (zone: number, host: number) => string
  readonly network: (zone: number) => string
}

const v4: Numbering = {
  host: (zone, host) => `10.${zone}.0.${host}`,
  network: (zone) => (zone === 1 ? '198.51.100.0/24' : `10.${zone}.0.0/24`),
}
const v6: Numbering = {
  host: (zone, host) => `[2001:db8:${zone}::${host}]`,
  network: (zone) => `2001:db8:${zone}::/64`,
}

function settingsOf({ host, network }: Numbering): object {
  const at = (zone: number, number: number, port: number) => `${host(zone, number)}:${port}`
  const loopback = (port: number) => `127.0.0.1:${port}`
  const identity = { certificate: 'tls.crt', key: 'tls.key', ca: 'ca.crt' }
  const stas = [{ id: 'STA01', urls: [`https://${at(4, 2, 8080)}`] }]
  const vda = (port: number) => at(4, 3, port)
  return {
    zones: {
      internet: [network(1)],
      dmz1: [network(2)],
      dmz2: [network(3)],
      internal: [network(4)],
      lan: [network(5)],
      management: [network(9)],
    },
    gateway: {
      admin: loopback(9101),
      listen: at(2, 2, 443),
      tls: { certificate: 'tls.crt', key: 'tls.key' },
      identity,
      nextHops: [{ name: 'proxy', address: at(3, 2, 1080), serverName: 'proxy' }],
      stas,
      storefronts: [{ address: at(3, 3, 8444), serverName: 'storefront' }],
      services: { dns: [at(9, 53, 53)] },
    },
    proxy: {
      admin: loopback(9102),
      metrics: { listen: at(3, 2, 9202) },
      listen: at(3, 2, 1080),
      allow: { names: ['gateway'] },
      grants: { keys: ['file:grant.key'] },
      identity,
      stas,
    },
    storefront: {
      admin: loopback(9103),
      listen: at(3, 3, 8444),
      identity,
      gateways: { names: ['gateway'] },
      tokenDigest: 'file:token.sha256',
      serviceKey: 'file:service.key',
      stas,
      apps: [
        { name: 'desktop', cgpAddress: vda(2598), icaAddress: vda(1494) },
        { name: 'source', cgpAddress: vda(2601) },
        { name: 'sink', cgpAddress: vda(2602) },
        { name: 'clock', cgpAddress: vda(2603) },
      ],
    },
    sta: {
      admin: loopback(9104),
      authorityId: 'STA01',
      listen: at(4, 2, 8080),
      identity,
      serviceKey: 'file:service.key',
      issuers: { names: ['storefront'] },
      redeemers: { names: ['proxy'] },
    },
    vda: {
      admin: loopback(9105),
      apps: [
        { name: 'desktop', kind: 'echo', listenCgp: vda(2598), listenIca: vda(1494) },
        { name: 'source', kind: 'source', listenCgp: vda(2601) },
        { name: 'sink', kind: 'sink', listenCgp: vda(2602) },
        { name: 'clock', kind: 'clock', listenCgp: vda(2603) },
      ],
    },
  }
}
