import type { Endpoint } from '@doublehop/wire/endpoint'
import type { z } from 'zod'
import type { services } from './services.ts'
import type { Dialling, Listening } from './traffic.ts'

/** The keys of every daemon that make traffic. */
interface Host {
  readonly admin?: Endpoint | undefined
  readonly metrics?: { readonly listen: Endpoint } | undefined
  readonly services: z.output<typeof services>
}

/** Listeners beside the daemon's own. The admin listener stays on loopback, and nobody may reach that port. */
export function hostListens({ admin, metrics }: Host): Listening[] {
  const found: Listening[] = []
  if (admin !== undefined)
    found.push({ listener: 'admin', at: admin, transport: 'tcp', speaks: 'tcp' })
  if (metrics !== undefined)
    found.push({
      listener: 'metrics',
      at: metrics.listen,
      transport: 'tcp',
      speaks: 'metrics',
      audience: { zones: ['management'], why: 'metrics are scraped', steps: [] },
    })
  return found
}

/** What the host needs, whatever daemon is on it. */
export function hostDials({ services: { dns, ntp, logs } }: Host): Dialling[] {
  const steps: number[] = []
  const names = { called: 'dns', why: 'names are looked up', steps }
  return [
    ...dns.map((to) => ({ ...names, to, transport: 'udp' as const, speaks: 'dns' as const })),
    ...dns.map((to) => ({ ...names, to, transport: 'tcp' as const, speaks: 'dns' as const })),
    ...ntp.map((to) => ({
      ...{ to, called: 'ntp', why: 'the clock is set', steps },
      transport: 'udp' as const,
      speaks: 'ntp' as const,
    })),
    ...logs.map(({ address: to, protocol }) => ({
      ...{ to, called: 'logs', why: 'log lines are shipped', steps },
      transport: protocol,
      speaks: protocol === 'tcp' ? ('tcp' as const) : ('edt' as const),
    })),
  ]
}
