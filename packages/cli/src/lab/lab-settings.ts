import { relative } from 'node:path'

/** A daemon of the lab. */
export type LabDaemon = 'gateway' | 'proxy' | 'storefront' | 'sta' | 'vda'
export const LAB_DAEMONS: readonly LabDaemon[] = ['gateway', 'proxy', 'storefront', 'sta', 'vda']

/** Where everything of the lab listens, as `address:port`, by daemon and listener. Port 0 takes a free one. */
export type LabAddresses = Record<LabDaemon, Record<string, string>>

/** The ports an engineer expects; all on loopback. */
export const USUAL_ADDRESSES: LabAddresses = {
  gateway: { listen: '127.0.0.1:8443', admin: '127.0.0.1:9101' },
  proxy: { listen: '127.0.0.1:1080', admin: '127.0.0.1:9102' },
  storefront: { listen: '127.0.0.1:8444', admin: '127.0.0.1:9103' },
  sta: { listen: '127.0.0.1:8080', admin: '127.0.0.1:9104' },
  vda: {
    'echo.cgp': '127.0.0.1:2598',
    'echo.ica': '127.0.0.1:1494',
    'source.cgp': '127.0.0.1:2601',
    'sink.cgp': '127.0.0.1:2602',
    'clock.cgp': '127.0.0.1:2603',
    admin: '127.0.0.1:9105',
  },
}

/** The same with ports that are free. */
export function freeAddresses(): LabAddresses {
  const free = (listeners: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(listeners).map(([name, at]) => [name, at.replace(/\d+$/, '0')]),
    )
  return {
    gateway: free(USUAL_ADDRESSES.gateway),
    proxy: free(USUAL_ADDRESSES.proxy),
    storefront: free(USUAL_ADDRESSES.storefront),
    sta: free(USUAL_ADDRESSES.sta),
    vda: free(USUAL_ADDRESSES.vda),
  }
}

/** A real server that stands behind the double hop: app `name` leads to `target`. */
export interface ExtraApp {
  readonly name: string
  readonly target: string
}

export interface LabFolders {
  /** holds doublehop.yaml, the logs and the state */
  readonly state: string
  readonly certs: string
}

/** Its sections, as they are written. */
export type LabSettings = Record<LabDaemon | 'zones' | 'workspace', object>

/** The lab's `doublehop.yaml`: every daemon's section, and the workspace's. */
export function labSettings(
  at: LabAddresses,
  folders: LabFolders,
  extra: readonly ExtraApp[],
): LabSettings {
  const certs = relative(folders.state, folders.certs) || '.'
  const identity = (daemon: string) => ({
    certificate: `${certs}/${daemon}/tls.crt`,
    key: `${certs}/${daemon}/tls.key`,
    ca: `${certs}/${daemon}/ca.crt`,
  })
  const common = (daemon: LabDaemon) => ({
    admin: at[daemon].admin,
    log: { file: `logs/${daemon}.log` },
    audit: { file: 'logs/audit.log' },
  })
  const stas = [{ id: 'STA01', urls: [`https://${at.sta.listen}`] }]
  const vda = (listener: string): string | undefined => at.vda[listener]
  return {
    zones: { dmz1: ['127.0.0.0/8'], dmz2: ['127.0.0.0/8'], internal: ['127.0.0.0/8'] },
    gateway: {
      ...common('gateway'),
      zone: 'dmz1',
      listen: at.gateway.listen,
      tls: { certificate: `${certs}/gateway/tls.crt`, key: `${certs}/gateway/tls.key` },
      identity: identity('gateway'),
      nextHops: [{ name: 'proxy', address: at.proxy.listen, serverName: 'proxy' }],
      stas,
      storefronts: [{ address: at.storefront.listen, serverName: 'storefront' }],
    },
    proxy: {
      ...common('proxy'),
      zone: 'dmz2',
      listen: at.proxy.listen,
      allow: { names: ['gateway'] },
      identity: identity('proxy'),
      grants: { keys: [`file:${certs}/proxy/grant.key`] },
      stas,
      allowLoopback: true,
    },
    storefront: {
      ...common('storefront'),
      zone: 'dmz2',
      listen: at.storefront.listen,
      identity: identity('storefront'),
      gateways: { names: ['gateway'] },
      tokenDigest: `file:${certs}/storefront/token.sha256`,
      serviceKey: `file:${certs}/storefront/service.key`,
      stas,
      apps: [
        {
          name: 'echo',
          description: 'Sends everything back',
          cgpAddress: vda('echo.cgp'),
          icaAddress: vda('echo.ica'),
        },
        { name: 'source', description: 'A stream without end', cgpAddress: vda('source.cgp') },
        {
          name: 'sink',
          description: 'Takes everything, answers its SHA-256',
          cgpAddress: vda('sink.cgp'),
        },
        { name: 'clock', description: 'The time, a line a second', cgpAddress: vda('clock.cgp') },
        ...extra.map(({ name, target }) => ({
          name,
          description: `Leads to ${target}`,
          cgpAddress: vda(`${name}.cgp`) ?? at.vda['echo.cgp'],
        })),
      ],
    },
    sta: {
      ...common('sta'),
      zone: 'internal',
      authorityId: 'STA01',
      listen: at.sta.listen,
      identity: identity('sta'),
      serviceKey: `file:${certs}/sta/service.key`,
      issuers: { names: ['storefront'] },
      redeemers: { names: ['proxy'] },
    },
    vda: {
      ...common('vda'),
      zone: 'internal',
      apps: [
        { name: 'echo', kind: 'echo', listenCgp: vda('echo.cgp'), listenIca: vda('echo.ica') },
        { name: 'source', kind: 'source', listenCgp: vda('source.cgp') },
        { name: 'sink', kind: 'sink', listenCgp: vda('sink.cgp') },
        { name: 'clock', kind: 'clock', listenCgp: vda('clock.cgp') },
        ...extra.map(({ name, target }) => ({
          name,
          kind: 'tcp',
          target,
          listenCgp: vda(`${name}.cgp`) ?? '127.0.0.1:0',
        })),
      ],
    },
    workspace: {
      gateway: at.gateway.listen,
      ca: `${certs}/workspace/ca.crt`,
      token: `file:${certs}/workspace/token`,
    },
  }
}
