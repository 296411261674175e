import { z } from 'zod'
import { firewall, list, text, zone } from './bounded.ts'

/**
 * The probes of one zone: all that a host needs to run its checks, so that a host in DMZ 1 does not hold the whole
 * topology. It holds expected keys as SPKI hashes and the paths of key files, never keys.
 */

const path = z.string().max(4096)

const tls = z.strictObject({
  /** the name its certificate must hold; left out where only its key is known */
  serverName: text.optional(),
  /** PEM files: whom to trust, and how to show oneself */
  ca: path.optional(),
  certificate: path.optional(),
  key: path.optional(),
  /** SHA-256 of the key that is expected there (SubjectPublicKeyInfo, RFC 5280, 4.1.2.7), base64 */
  spki: z.string().length(44).optional(),
})
export type ProbeTls = z.output<typeof tls>

const probe = z.strictObject({
  id: text,
  expect: z.enum(['allow', 'deny']),
  from: z.strictObject({
    name: text,
    zone,
    /** what a rule holds: an address, a network, or `any` */
    network: text,
    /** the address that the check starts from */
    address: text.optional(),
  }),
  to: z.strictObject({
    name: text,
    zone,
    address: text,
    /** the name that the daemon dials, which must lead to the address */
    host: text.optional(),
  }),
  protocol: z.enum(['tcp', 'udp']),
  port: z.int().min(1).max(65535),
  firewalls: list(firewall).min(1),
  why: text,
  steps: list(z.int().min(1).max(9)),
  speaks: z.enum([
    'socks',
    'storefront',
    'sta',
    'sta-health',
    'ica',
    'echo',
    'metrics',
    'redis',
    'dns',
    'ntp',
    'edt',
    'tcp',
  ]),
  tls: tls.optional(),
})
export type Probe = z.output<typeof probe>

/** What to try through a flow once it is open: an STA behind the proxy, and with a ticket the server behind both. */
const pathProbe = z.strictObject({
  id: text,
  /** `gateway → proxy → STA01` */
  label: text,
  /** the flow it goes through */
  through: text,
  /** what it needs behind that, which other zones check */
  behind: list(z.strictObject({ id: text, zone })),
  /** the STA as tickets name it, where that is known, and where it is */
  staId: text,
  sta: z.url({ protocol: /^https?$/ }).max(1000),
  redeemAt: z.enum(['gateway', 'proxy']),
})
export type PathProbe = z.output<typeof pathProbe>

/** A daemon of this zone, and from where its peers should come: what it tells of its sessions shows translation. */
const admin = z.strictObject({
  daemon: text,
  // A plan is a file of somebody's: it sends nobody's questions into the network.
  at: z.string().regex(/^(?:127\.0\.0\.1|\[::1\]):\d{1,5}$/, 'expected a loopback address:port'),
  arrivals: list(
    z.strictObject({
      flow: text,
      name: text,
      address: text,
      firewalls: list(firewall),
    }),
  ),
})
export type Admin = z.output<typeof admin>

export const plan = z.strictObject({
  doublehop: z.literal('plan'),
  version: z.literal(1),
  zone,
  probes: list(probe),
  paths: list(pathProbe),
  /** on loopback of its hosts */
  admins: list(admin),
})
/** The probes of one zone. */
export type Plan = z.output<typeof plan>
