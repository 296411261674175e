import { resolve } from 'node:path'
import { contains, parseIp, parseNetwork } from '@doublehop/wire/ip'
import { isStaId } from '@doublehop/wire/ticket'
import { z } from 'zod'
import { addresses } from './addresses.ts'
import { adminEndpoint, listenEndpoint } from './endpoints.ts'
import { services } from './services.ts'
import { ZONES } from './zones.ts'

/** The kinds of value that several sections share. A title is the kind's name for people, in docs/configuration.md and editors. */

const NETWORK = 'expected a network such as 10.1.0.0/16 or fd00::/8'

/** `10.1.0.0/16`, `fd00::/8` or one address. */
export const network = z
  .string(NETWORK)
  .transform((text, context) => {
    const parsed = parseNetwork(text)
    if (parsed !== undefined) return parsed
    context.addIssue(NETWORK)
    return z.NEVER
  })
  .meta({ title: 'network' })

/** A path, beside the configuration file if it is relative. */
export const path = (folder: string) =>
  z
    .string()
    .min(1)
    .transform((text) => resolve(folder, text))
    .meta({ title: 'file' })

/** The name of a daemon, hop or app: it stands in logs and metrics. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected a short name of letters, digits, . _ -')
  .meta({ title: 'short name' })

/** The name a peer's certificate must hold. */
export const serverName = z
  .string()
  .min(1)
  .optional()
  .describe('name its certificate must hold; the host of its address if left out')

/** A user name of RFC 1929, which counts bytes. */
export const username = z
  .string()
  .refine((text) => text !== '' && Buffer.byteLength(text) <= 255, 'expected 1 to 255 bytes')

/** Peers by what their certificate says and where they come from. Whoever uses it says whether both must hold. */
export const peers = z
  .strictObject({
    names: z
      .array(z.string().min(1))
      .default([])
      .describe('first DNS names of client certificates'),
    networks: z.array(network).prefault([]).describe('networks that peers come from'),
  })
  .prefault({})

export type Peers = z.output<typeof peers>

/** How a daemon shows itself to the other daemons, and whom it trusts: mutual TLS on every inner connection. */
export const identity = (folder: string) =>
  z.strictObject({
    certificate: path(folder).describe('PEM file with the certificate, and the chain below it'),
    key: path(folder).describe('PEM file with the private key'),
    ca: path(folder).describe(
      'PEM file with the CA certificates that the other daemons are checked against',
    ),
    crl: path(folder)
      .optional()
      .describe('PEM file with the revocation list of each of these CAs; left out, none is asked'),
  })

export type Identity = z.output<ReturnType<typeof identity>>

/** The name of an STA, as it stands in tickets. */
export const staId = z
  .string()
  .refine(isStaId, 'expected STA and 1 to 13 letters or digits')
  .meta({ title: 'STA id' })

const staUrl = z
  .url({ protocol: /^https?$/, error: 'expected https://address:port or http://address:port' })
  .refine(
    holdsNoLogin,
    'a user or password does not belong in the url of an STA: it would stand in logs',
  )
  .meta({ title: 'url' })

/** An STA: its id, and the urls that lead to it. Several urls mean several processes that share a store. */
const sta = z.strictObject({
  id: staId
    .optional()
    .describe('its authority id; left out, our own STA tells it in its answer to GET'),
  urls: z
    .array(staUrl)
    .min(1)
    .describe(
      'https://address:port, or http:// where the STA is configured for it; several share one store',
    ),
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
        context.addIssue({
          code: 'custom',
          path: [index, 'id'],
          message: `${id} stands at ${before} already: two STAs with one id make launches fail`,
        })
      }
      seen.set(id, index)
    }
  })

export type StaSettings = z.output<typeof sta>

/** Keys that every daemon has. */
export const common = (folder: string) => ({
  name: restart(
    name.optional().describe('how this daemon is called in logs; its kind if left out'),
  ),
  zone: z.enum(ZONES).optional().describe('the zone it lives in'),
  addresses: addresses
    .optional()
    .describe(
      'the addresses it dials from, and that firewall rules are made for; left out, the host chooses',
    ),
  services: services.describe('what its host uses, for firewall rules and checks'),
  admin: restart(
    adminEndpoint
      .optional()
      .describe('loopback listener for /healthz, /readyz, /metrics, /sessions'),
  ),
  metrics: z
    .strictObject({
      listen: restart(
        listenEndpoint.describe('where /metrics is served, to sources in zones.management'),
      ),
    })
    .optional()
    .describe('metrics beyond this host; left out, only the admin listener serves them'),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error'])
        .default('info')
        .describe('the least that is logged'),
      file: restart(
        path(folder).optional().describe('where log lines go; left out, standard output'),
      ),
    })
    .prefault({})
    .describe('log lines'),
  audit: z
    .strictObject({
      file: restart(
        path(folder)
          .optional()
          .describe('where audit lines go; left out, among the log lines, marked "audit":true'),
      ),
    })
    .prefault({})
    .describe('who did what: docs/audit.md'),
})

/** Whether any address can be in both networks. */
export function overlap(a: z.output<typeof network>, b: z.output<typeof network>): boolean {
  return a.bits <= b.bits ? contains(a, b.address) : contains(b, a.address)
}

/** The name of a certificate, in lower case, is on the list, in any letter case. */
export function inNames(names: readonly string[], name: string | undefined): boolean {
  return name !== undefined && names.some((one) => one.toLowerCase() === name)
}

/** The text of an address is in one of the networks. */
export function inNetworks(
  networks: readonly z.output<typeof network>[],
  address: string,
): boolean {
  const ip = parseIp(address)
  return ip !== undefined && networks.some((one) => contains(one, ip))
}

function holdsNoLogin(url: string): boolean {
  const parsed = URL.parse(url)
  return parsed === null || (parsed.username === '' && parsed.password === '')
}

/** Marks a key that a reload cannot change, once it has its description. */
export function restart<T extends z.ZodType>(schema: T): T {
  return schema.meta({ ...schema.meta(), 'x-restart': true }) as T
}
