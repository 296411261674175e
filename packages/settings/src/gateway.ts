import type { Endpoint } from '@doublehop/wire/endpoint'
import { z } from 'zod'
import { dialEndpoint, listenEndpoint } from './endpoints.ts'
import { hostDials, hostListens } from './host-traffic.ts'
import { secret } from './secret.ts'
import { staDials } from './sta-place.ts'
import { type Dialling, mutualTls, type Traffic, type Way } from './traffic.ts'
import { count, countOrOff, duration, durationOrOff, size } from './units.ts'
import {
  common,
  identity,
  name,
  network,
  path,
  restart,
  serverName,
  stas,
  username,
} from './values.ts'

const nextHop = (folder: string) =>
  z
    .strictObject({
      name: name.describe('how the hop is called in logs and metrics'),
      address: dialEndpoint.describe('where its SOCKS server listens'),
      kind: z
        .enum(['doublehop', 'socks5'])
        .default('doublehop')
        .describe('our proxy, or any SOCKS5 server'),
      secure: z
        .enum(['on', 'off'])
        .default('on')
        .describe('SOCKS over mutual TLS, or over plain TCP (warned of)'),
      serverName,
      ahead: z
        .int()
        .min(0)
        .max(64)
        .default(2)
        .describe('connections opened ahead while launches come; one unused for 30 s is closed'),
      credentials: z
        .strictObject({
          username: username.describe('user name at that server'),
          password: secret(folder).describe('password at that server'),
        })
        .optional()
        .describe('login at a foreign SOCKS5 server (RFC 1929)'),
    })
    .refine(({ kind, credentials }) => kind === 'socks5' || credentials === undefined, {
      path: ['credentials'],
      error: 'a doublehop proxy knows its gateways by certificate and takes no credentials',
    })

const storefront = z.strictObject({
  address: dialEndpoint.describe('where the storefront listens'),
  serverName,
})

/** The gateway's limits (docs/security.md says what each one guards against). */
const limits = z
  .strictObject({
    handshakes: count(4096).describe(
      'clients that have not sent their ticket or request yet; when there are more, the oldest gives way',
    ),
    handshakesPerSource: countOrOff(128).describe('the same of one client source'),
    tlsHandshake: duration('10 s').describe('TLS handshake with a client'),
    firstFlight: duration('10 s').describe(
      'from TLS to the end of the SOCKS request or CGP flight',
    ),
    firstFlightBytes: size('4 KiB').describe('the SOCKS request or CGP flight, in bytes'),
    earlyData: size('64 KiB').describe(
      'bytes of a client kept during its launch; then it is not read from',
    ),
    dial: duration('5 s').describe('TCP and TLS with a next hop or storefront'),
    staRequest: duration('5 s').describe('from the request to the whole answer of an STA'),
    staAnswerBytes: size('64 KiB').describe('the answer of an STA, in bytes'),
    launch: duration('30 s').describe('all of steps 1 to 8'),
    idle: durationOrOff('off').describe('a session without a byte either way'),
    httpIdle: duration('1 min').describe('an HTTP connection without a byte either way'),
    sessions: count(10_000).describe('sessions and HTTP connections at once'),
    sessionsPerSource: countOrOff(100).describe('the same of one client source'),
    failureDelay: durationOrOff('250 ms').describe(
      'how long the refusal of a failed redemption is held; doubles with each one of that source',
    ),
  })
  .prefault({})

export const gatewaySection = (folder: string) =>
  z
    .strictObject({
      ...common(folder),
      listen: restart(
        listenEndpoint.describe(
          'the one TLS port: SOCKS5, CGP and HTTP are told apart by their first byte',
        ),
      ),
      tls: z
        .strictObject({
          certificate: path(folder).describe(
            'PEM file with the certificate that clients see, and its chain',
          ),
          key: path(folder).describe('PEM file with its private key'),
          clientCertificates: z
            .enum(['off', 'optional', 'required'])
            .default('off')
            .describe('whether clients show certificates'),
          clientCa: path(folder)
            .optional()
            .describe('PEM file with the CA that client certificates are checked against'),
        })
        .describe('how the gateway shows itself to clients'),
      identity: identity(folder).describe(
        'how the gateway shows itself to proxies and storefronts',
      ),
      nextHops: z.array(nextHop(folder)).min(1).describe('proxies in order of preference'),
      redeemAt: z
        .enum(['gateway', 'proxy'])
        .default('gateway')
        .describe('who asks the STA about the ticket'),
      stas: stas.describe('the STAs, as the storefront lists them'),
      storefronts: z
        .array(storefront)
        .prefault([])
        .describe('where HTTP is carried to, in order of preference'),
      proxyProtocolFrom: z
        .array(network)
        .prefault([])
        .describe('load balancers that send a PROXY v2 header first'),
      limits: limits.describe(
        'how long and how much; what each one guards against stands in docs/security.md',
      ),
      drainTimeout: duration('5 min', 0).describe('how long SIGTERM waits for sessions to end'),
    })
    .superRefine((gateway, context) => {
      if (gateway.tls.clientCertificates !== 'off' && gateway.tls.clientCa === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['tls', 'clientCa'],
          message: `expected a path: clientCertificates is ${gateway.tls.clientCertificates}`,
        })
      }
      const foreign = gateway.nextHops.findIndex(({ kind }) => kind === 'socks5')
      if (gateway.redeemAt === 'proxy' && foreign >= 0) {
        context.addIssue({
          code: 'custom',
          path: ['nextHops', foreign, 'kind'],
          message:
            'redeemAt: proxy needs a doublehop proxy: a foreign SOCKS server redeems no tickets',
        })
      }
      const names = gateway.nextHops.map((hop) => hop.name)
      const twice = names.findIndex((one, index) => names.indexOf(one) !== index)
      if (twice >= 0)
        context.addIssue({
          code: 'custom',
          path: ['nextHops', twice, 'name'],
          message: `${names[twice]} stands twice`,
        })
    })

export type GatewaySettings = z.output<ReturnType<typeof gatewaySection>>
export type NextHopSettings = GatewaySettings['nextHops'][number]

/** Where the gateway listens and what it dials. With EDT, clients come over UDP too. */
export function gatewayTraffic(gateway: GatewaySettings, edt: boolean): Traffic {
  const { listen, tls, nextHops, storefronts, identity } = gateway
  const audience = {
    zones: ['internet', 'lan'] as const,
    why: 'workspaces reach the gateway',
    steps: [1, 8, 9],
  }
  const own = { listener: 'listen', at: listen, audience }
  return {
    listens: [
      { ...own, transport: 'tcp', speaks: 'socks', certificate: tls.certificate },
      ...(edt ? [{ ...own, transport: 'udp', speaks: 'edt' } as const] : []),
      ...hostListens(gateway),
    ],
    dials: [
      ...nextHops.map((hop) => toNextHop(hop, gateway)),
      ...storefronts.map(({ address, serverName }) => ({
        ...({ to: address, called: 'storefront', transport: 'tcp', speaks: 'storefront' } as const),
        ...{ why: 'HTTP of workspaces is carried to the storefront', steps: [] },
        ...mutualTls(identity, serverName ?? address.host),
      })),
      ...nextHops.flatMap((hop) => (hop.kind === 'socks5' ? throughForeign(gateway) : [])),
      ...hostDials(gateway),
    ],
    ways: nextHops.flatMap(({ kind, address: through }) =>
      kind === 'socks5' ? [] : gateway.stas.flatMap((sta) => waysTo(sta, through, gateway)),
    ),
    twins: [
      ...nextHops.map(({ name, address: at }) => ({ of: 'proxy', called: name, at }) as const),
      ...storefronts.map(
        ({ address: at }) => ({ of: 'storefront', called: 'storefront', at }) as const,
      ),
    ],
  }
}

function toNextHop(
  { name, address, secure, serverName }: NextHopSettings,
  { identity, redeemAt }: GatewaySettings,
): Dialling {
  return {
    ...{ to: address, called: name, transport: 'tcp', speaks: 'socks' },
    why: 'the gateway reaches STA and servers through the proxy',
    steps: redeemAt === 'proxy' ? [5] : [2, 5],
    ...(secure === 'on' ? mutualTls(identity, serverName ?? address.host) : {}),
  }
}

function waysTo(
  { id, urls }: GatewaySettings['stas'][number],
  through: Endpoint,
  { redeemAt }: GatewaySettings,
): Way[] {
  return urls.map((url) => ({ through, sta: { called: id ?? 'sta', url }, redeemAt }))
}

/** Over a foreign hop the gateway speaks to the STA end to end, and that hop dials it. */
function throughForeign({ stas }: GatewaySettings): Dialling[] {
  const purpose = { why: 'tickets are redeemed', steps: [2, 3] }
  return staDials(stas, undefined, { by: 'proxy', speaks: 'tcp', ...purpose })
}
