import { formatEndpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import {
  LAB_DAEMONS,
  type LabAddresses,
  type LabDaemon,
  type LabFolders,
  type LabSettings,
  labSettings,
  USUAL_ADDRESSES,
} from '../lab-settings.ts'
import { addressOf, type Family, labZones, zoneOf } from './topology.ts'

/** On a host of its own the gateway has the port that workspaces expect. */
const GATEWAY_PORT = 443
/** Metrics are scraped from management: the one kind of flow that runs from right to left. */
const METRICS_PORT = 9202

/** The usual ports at each daemon's own address; admin listeners stay on the loopback of its host. */
export function isolatedAddresses(family: Family): LabAddresses {
  const place = (daemon: LabDaemon, listener: string, usual: string): string => {
    const port = listener === 'listen' && daemon === 'gateway' ? GATEWAY_PORT : portOf(usual)
    const loopback = family === 4 ? '127.0.0.1' : '::1'
    return formatEndpoint({
      host: listener === 'admin' ? loopback : addressOf(daemon, family),
      port,
    })
  }
  const all = LAB_DAEMONS.map((daemon) => {
    const listeners = Object.entries(USUAL_ADDRESSES[daemon])
    return [
      daemon,
      Object.fromEntries(listeners.map(([name, at]) => [name, place(daemon, name, at)])),
    ]
  })
  return Object.fromEntries(all) as LabAddresses
}

/** The lab's `doublehop.yaml` where each daemon stands in its zone. */
export function isolatedSettings(
  family: Family,
  at: LabAddresses,
  folders: LabFolders,
): LabSettings {
  const { workspace, ...plain } = labSettings(at, folders, [])
  const place = (daemon: LabDaemon) => ({
    ...plain[daemon],
    zone: zoneOf(daemon),
    addresses: { [family === 4 ? 'v4' : 'v6']: addressOf(daemon, family) },
  })
  const metrics = {
    listen: formatEndpoint({ host: addressOf('proxy', family), port: METRICS_PORT }),
  }
  return {
    zones: labZones(family),
    gateway: place('gateway'),
    proxy: { ...place('proxy'), allowLoopback: false, metrics },
    storefront: place('storefront'),
    sta: place('sta'),
    vda: place('vda'),
    workspace,
  }
}

function portOf(place: string): number {
  const endpoint = parseEndpoint(place)
  if (endpoint === undefined) throw new Error(`no address: ${place}`)
  return endpoint.port
}
