import { z } from 'zod'
import { secret } from './secret.ts'
import { count, duration } from './units.ts'
import { common, dialEndpoint, identity, listenEndpoint, name, peers, stas } from './values.ts'

const app = z
  .strictObject({
    name: name.describe('the published name'),
    description: z.string().max(200).optional().describe('one line for people'),
    cgpAddress: dialEndpoint.optional().describe('where port 2598 of a launch leads'),
    icaAddress: dialEndpoint.optional().describe('where port 1494 of a launch leads'),
  })
  .refine(({ cgpAddress, icaAddress }) => cgpAddress !== undefined || icaAddress !== undefined, {
    path: ['cgpAddress'],
    error: 'expected cgpAddress or icaAddress',
  })

export const storefrontSection = (folder: string) =>
  z
    .strictObject({
      ...common(folder),
      listen: listenEndpoint.describe(
        'where gateways connect: mutual TLS, then one PROXY v2 header, then HTTP',
      ),
      identity: identity(folder).describe('how the storefront shows itself to gateways and STAs'),
      gateways: peers.describe(
        'the gateways it is reached through; with both lists both must hold, with none nobody is let in',
      ),
      tokenDigest: secret(folder).describe('SHA-256 (hex) of the bearer token that clients show'),
      serviceKey: secret(folder).describe('shown to the STA when a ticket is issued'),
      stas: stas.describe(
        'the STAs, as gateways and proxies list them; tickets are issued at the first that answers',
      ),
      ticketVersion: z
        .literal([10, 20, 22, 40, 42])
        .default(40)
        .describe('42 issues at two STAs, so that either may be down at launch'),
      ticketLifetime: duration('90 s').describe(
        'how long clients are told a ticket is good; as the STAs have it',
      ),
      apps: z.array(app).prefault([]).describe('what is published'),
      staRequest: duration('5 s').describe('from the request to the whole answer of an STA'),
      requestTimeout: duration('10 s').describe('from the first byte of a request to its last'),
      connections: count(4096).describe('connections at once'),
      drainTimeout: duration('10 s', 0).describe('how long SIGTERM waits for requests to end'),
    })
    .refine(({ ticketVersion, stas }) => ticketVersion !== 42 || stas.length > 1, {
      path: ['ticketVersion'],
      error: 'a ticket of version 42 is issued at two STAs, and stas lists one',
    })

export type StorefrontSettings = z.output<ReturnType<typeof storefrontSection>>
