import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Settings } from '@doublehop/settings/schema'
import { staPlace } from '@doublehop/settings/sta-place'
import type { Zone } from '@doublehop/settings/zones'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { AddressBook } from '../flows/address-book.ts'
import type { Flow, FlowTls } from '../flows/flow.ts'
import { flowsOf } from '../flows/flows.ts'
import { type Host, hostsOf } from '../flows/hosts.ts'
import type { Admin, PathProbe, Plan, Probe, ProbeTls } from './plan.ts'

/**
 * The probes of one zone. Certificates that the configuration names are read for their keys; one that is not on this
 * host is not expected by the check either.
 *
 * @throws Fault of flowsOf
 */
export function planOf(settings: Settings, zone: Zone): Plan {
  const flows = flowsOf(settings)
  const book = new AddressBook(settings)
  const hosts = hostsOf(settings, book)
  const here = hosts.filter((host) => host.zone === zone)
  return {
    doublehop: 'plan',
    version: 1,
    zone,
    probes: flows.filter(({ from }) => from.zone === zone).map(probeOf),
    paths: here.flatMap((host) => pathsOf(host, flows, book)),
    admins: here.flatMap((host) => adminOf(host, flows)),
  }
}

function probeOf({ id, expect, from, to, tls, family: _, ...rest }: Flow): Probe {
  const { name, zone, network, address } = from
  const { host, ...destination } = to
  return {
    ...{ id, expect },
    from: { name, zone, network, ...(address !== undefined && { address }) },
    to: { ...destination, ...(host !== undefined && { host }) },
    ...{ protocol: rest.protocol, port: rest.port, firewalls: [...rest.firewalls] },
    ...{ why: rest.why, steps: [...rest.steps], speaks: rest.speaks },
    ...(tls && { tls: probeTls(tls) }),
  }
}

function probeTls({ expected, ...told }: FlowTls): ProbeTls {
  const spki = expected === undefined ? undefined : spkiOf(expected)
  return { ...told, ...(spki !== undefined && { spki }) }
}

/** SHA-256 of the key in a certificate file; undefined where this host has no such file. */
function spkiOf(file: string): string | undefined {
  try {
    const { publicKey } = new X509Certificate(readFileSync(file))
    const spki = publicKey.export({ type: 'spki', format: 'der' })
    return createHash('sha256').update(spki).digest('base64')
  } catch {
    return undefined
  }
}

/** What a host reaches through another one: the flow to that one, and those that it needs behind it. */
function pathsOf(host: Host, flows: readonly Flow[], book: AddressBook): PathProbe[] {
  const allowed = flows.filter(({ expect }) => expect === 'allow')
  return host.ways.flatMap(({ through, sta, redeemAt }) => {
    const hops = book.resolve(through, host.kind)
    const first = allowed.find(
      ({ from, to, port }) =>
        from.name === host.name && hops.includes(to.address) && port === through.port,
    )
    if (first === undefined) return []
    const { at } = staPlace(sta.url)
    const stas = book.resolve(at, host.kind)
    const behind = allowed.filter(
      ({ from, to, port }) =>
        from.name === first.to.name && stas.includes(to.address) && port === at.port,
    )
    return [
      {
        id: `${first.id}-${sta.called}`,
        label: `${host.name} → ${first.to.name} → ${sta.called}`,
        through: first.id,
        behind: behind.map(({ id, from }) => ({ id, zone: from.zone })),
        ...{ staId: sta.called, sta: sta.url, redeemAt },
      },
    ]
  })
}

function adminOf({ name, kind, admin }: Host, flows: readonly Flow[]): Admin[] {
  if (admin === undefined) return []
  const arrivals = flows.filter(
    ({ expect, from, to }) =>
      expect === 'allow' && to.name === name && from.address === from.network,
  )
  return [
    {
      daemon: kind,
      at: formatEndpoint(admin),
      arrivals: arrivals.map(({ id, from, firewalls }) => ({
        ...{ flow: id, name: from.name, address: from.network, firewalls: [...firewalls] },
      })),
    },
  ]
}
