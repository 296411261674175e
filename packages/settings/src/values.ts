import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { type Endpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import { contains, parseIp, parseNetwork } from '@doublehop/wire/ip'
import { isStaId } from '@doublehop/wire/ticket'
import { z } from 'zod'

/** The kinds of value that several sections share. */

/** `address:port`, an IPv6 address in brackets. */
export const endpoint = z.string().transform((text, context): Endpoint => {
  const parsed = parseEndpoint(text)
  if (parsed !== undefined) return parsed
  context.addIssue('expected address:port, an IPv6 address in brackets')
  return z.NEVER
})

/** Where to listen: an IP address and a port; port 0 takes a free one. */
export const listenEndpoint = endpoint.refine(({ host }) => isIP(host) !== 0, 'expected an IP address to listen on')

/** Where something is to be dialled. */
export const dialEndpoint = endpoint.refine(({ port }) => port > 0, 'port 0 cannot be dialled')

/** The admin listener never leaves the host. */
export const adminEndpoint = endpoint.refine(
  ({ host }) => ['127.0.0.1', '::1'].includes(host),
  'expected a loopback address: the admin listener has no access control of its own',
)

/** `10.1.0.0/16`, `fd00::/8` or one address. */
export const network = z.string().transform((text, context) => {
  const parsed = parseNetwork(text)
  if (parsed !== undefined) return parsed
  context.addIssue('expected a network such as 10.1.0.0/16 or fd00::/8')
  return z.NEVER
})

/** A path, beside the configuration file if it is relative. */
export const path = (folder: string) => z.string().min(1).transform((text) => resolve(folder, text))

/** The name of a daemon, hop or app: it stands in logs and metrics. */
export const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected a short name of letters, digits, . _ -')

/** Whom a listener lets in. A list that is left out says nothing; with both, both must hold. */
export const peers = z
  .strictObject({
    names: z.array(z.string().min(1)).default([]).describe('first DNS name of the client certificate'),
    networks: z.array(network).default([]).describe('networks the peer may come from'),
  })
  .prefault({})

export type Peers = z.output<typeof peers>

/** How a daemon shows itself to the other daemons, and whom it trusts: mutual TLS on every inner connection. */
export const identity = (folder: string) =>
  z.strictObject({
    certificate: path(folder).describe('PEM file with the certificate, and the chain below it'),
    key: path(folder).describe('PEM file with the private key'),
    ca: path(folder).describe('PEM file with the CA certificates that the other daemons are checked against'),
  })

export type Identity = z.output<ReturnType<typeof identity>>

/** An STA: its id, and the urls that lead to it. Several urls mean several processes that share a store. */
const sta = z.strictObject({
  id: z.string().refine(isStaId, 'expected STA and 1 to 13 letters or digits').optional()
    .describe('its authority id; left out, our own STA tells it in its answer to GET'),
  urls: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .describe('https://address:port, or http:// where the STA is configured for it'),
})

/** The Secure Ticket Authorities that a daemon asks. An id must not stand twice. */
export const stas = z
  .array(sta)
  .min(1)
  .superRefine((list, context) => {
    const seen = new Map<string, number>()
    for (const [index, { id }] of list.entries()) {
      if (id === undefined) continue
      const before = seen.get(id)
      if (before !== undefined) {
        context.addIssue({ code: 'custom', path: [index, 'id'], message: `${id} stands at ${before} already: two STAs with one id make launches fail` })
      }
      seen.set(id, index)
    }
  })

export type StaSettings = z.output<typeof sta>

/** Where shared state is kept. Redis where several processes share it. */
export const store = z
  .union([z.literal('memory'), z.url({ protocol: /^rediss?$/ })], 'expected memory, redis://… or rediss://…')
  .default('memory')

/** Keys that every daemon has. */
export const common = (folder: string) => ({
  name: name.optional().describe('how this daemon is called in logs; its kind if left out'),
  zone: z.string().optional().describe('the zone it lives in, one of zones'),
  addresses: z
    .strictObject({ v4: z.ipv4().optional(), v6: z.ipv6().optional() })
    .optional()
    .describe('the addresses it dials from; left out, the host chooses'),
  admin: adminEndpoint.optional().describe('loopback listener for /healthz, /readyz, /metrics, /sessions'),
  metrics: z
    .strictObject({ listen: listenEndpoint.describe('serves /metrics alone, to sources in zones.management') })
    .optional(),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      file: path(folder).optional().describe('where log lines go; left out, standard output'),
    })
    .prefault({}),
})

/** Whether any address can be in both networks. */
export function overlap(a: z.output<typeof network>, b: z.output<typeof network>): boolean {
  return a.bits <= b.bits ? contains(a, b.address) : contains(b, a.address)
}

/** The text of an address is in one of the networks. */
export function inNetworks(networks: readonly z.output<typeof network>[], address: string): boolean {
  const ip = parseIp(address)
  return ip !== undefined && networks.some((one) => contains(one, ip))
}
