import { z } from 'zod'
import { dialEndpoint, listenEndpoint } from './endpoints.ts'
import { hostDials, hostListens } from './host-traffic.ts'
import { secret } from './secret.ts'
import { staDials } from './sta-place.ts'
import type { Dialling, Traffic } from './traffic.ts'
import { count, countOrOff, duration, durationOrOff, size } from './units.ts'
import { common, identity, name, peers, restart, stas } from './values.ts'

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

const limits = z
  .strictObject({
    handshakes: count(4096).describe(
      'connections that have not finished TLS and the PROXY v2 header; when there are more, the oldest gives way',
    ),
    handshakesPerSource: countOrOff('off').describe('the same of one gateway'),
    tlsHandshake: duration('10 s').describe('TLS handshake and PROXY v2 header of a gateway'),
    request: duration('10 s').describe('from the first byte of a request to its last'),
    requestBytes: size('4 KiB').describe('the body of a request, in bytes'),
    staRequest: duration('5 s').describe('from the request to the whole answer of an STA'),
    staAnswerBytes: size('64 KiB').describe('the answer of an STA, in bytes'),
    sessions: count(4096).describe('HTTP connections at once'),
    sessionsPerSource: countOrOff(100).describe('the same of one client, as the gateway tells it'),
    failureDelay: durationOrOff('250 ms').describe(
      'how long the refusal of a wrong token is held; doubles with each one of that client',
    ),
  })
  .prefault({})

export const storefrontSection = (folder: string) =>
  z
    .strictObject({
      ...common(folder),
      listen: restart(
        listenEndpoint.describe(
          'where gateways connect: mutual TLS, then one PROXY v2 header, then HTTP',
        ),
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
      limits: limits.describe('how long and how much'),
      drainTimeout: duration('10 s', 0).describe('how long SIGTERM waits for requests to end'),
    })
    .refine(({ ticketVersion, stas }) => ticketVersion !== 42 || stas.length > 1, {
      path: ['ticketVersion'],
      error: 'a ticket of version 42 is issued at two STAs, and stas lists one',
    })

export type StorefrontSettings = z.output<ReturnType<typeof storefrontSection>>

/** Where the storefront listens, what it dials, and what proxies dial since it is published here. */
export function storefrontTraffic(storefront: StorefrontSettings, edt: boolean): Traffic {
  const { listen, identity, stas, apps } = storefront
  return {
    listens: [
      {
        ...{ listener: 'listen', at: listen, transport: 'tcp', speaks: 'storefront' },
        certificate: identity.certificate,
      },
      ...hostListens(storefront),
    ],
    dials: [
      ...staDials(stas, identity, {
        speaks: 'sta-health',
        why: 'the storefront issues tickets',
        steps: [],
      }),
      ...apps.flatMap((app) => toServer(app, edt)),
      ...hostDials(storefront),
    ],
  }
}

/** What leads to a server of port 1494 finds one that greets; of 2598 only the server's section knows more. */
function toServer({ name, cgpAddress, icaAddress }: AppSettings, edt: boolean): Dialling[] {
  const common = {
    called: name,
    by: 'proxy',
    why: `sessions of ${name}`,
    steps: [6, 7, 9],
  } as const
  const places = [
    { to: cgpAddress, speaks: 'tcp' },
    { to: icaAddress, speaks: 'ica' },
  ] as const
  return places.flatMap(({ to, speaks }) => {
    if (to === undefined) return []
    const tcp = { ...common, to, transport: 'tcp', speaks } as const
    return edt ? [tcp, { ...common, to, transport: 'udp', speaks: 'edt' }] : [tcp]
  })
}

type AppSettings = z.output<typeof app>
