import { z } from 'zod'
import { listenEndpoint } from './endpoints.ts'
import { hostDials, hostListens } from './host-traffic.ts'
import { secret } from './secret.ts'
import { staDials } from './sta-place.ts'
import { redisDials, store } from './store.ts'
import type { Traffic } from './traffic.ts'
import { count, countOrOff, duration, durationOrOff, size } from './units.ts'
import { common, identity, network, peers, restart, stas, username } from './values.ts'

const limits = z
  .strictObject({
    handshakes: count(4096).describe(
      'connections that have not finished TLS; when there are more, the oldest gives way',
    ),
    handshakesPerSource: countOrOff('off').describe('the same of one gateway'),
    tlsHandshake: duration('10 s').describe('TLS handshake with a gateway'),
    hopIdle: duration('60 s').describe('a hop connection opened ahead that says nothing'),
    greeting: duration('10 s').describe('from its first byte to the end of the SOCKS request'),
    earlyData: size('64 KiB').describe(
      'bytes kept while the destination is dialled; then no more is read',
    ),
    staRequest: duration('5 s').describe('from the request to the whole answer of an STA'),
    staRequestBytes: size('64 KiB').describe(
      'what a gateway asks of an STA, and the answer, in bytes',
    ),
    dial: duration('5 s').describe('name lookup and TCP with a destination'),
    launch: duration('30 s').describe('from the CONNECT to its reply'),
    idle: durationOrOff('off').describe('a session without a byte either way'),
    sessions: count(10_000).describe('sessions at once'),
    sessionsPerSource: countOrOff('off').describe('the same of one gateway'),
    failureDelay: durationOrOff('off').describe(
      'how long the refusal of a failed redemption is held; doubles with each one of that gateway',
    ),
  })
  .prefault({})

/** What the second hop may reach beyond what grants say. Empty lists limit nothing with `authorization: grant`. */
const destinations = z
  .strictObject({
    networks: z.array(network).prefault([]).describe('networks that may be dialled'),
    ports: z.array(z.int().min(1).max(65535)).default([]).describe('ports that may be dialled'),
  })
  .prefault({})

const grants = (folder: string) =>
  z
    .strictObject({
      keys: z
        .array(secret(folder))
        .max(2)
        .prefault([])
        .describe('32 bytes base64url each; the first mints, both are taken (rotation)'),
      lifetime: duration('10 s').describe('from the redemption to the CONNECT'),
      store: restart(
        store(folder).describe(
          'where spent grants are remembered; Redis lets proxies take each other’s grants',
        ),
      ),
    })
    .prefault({})

export const proxySection = (folder: string) =>
  z
    .strictObject({
      ...common(folder),
      listen: restart(listenEndpoint.describe('where gateways connect (SOCKS5)')),
      secure: restart(
        z.enum(['on', 'off']).default('on').describe('mutual TLS, or plain TCP (warned of)'),
      ),
      allow: peers.describe(
        'who may connect; with both lists both must hold, with none nobody is let in',
      ),
      identity: identity(folder).describe('how the proxy shows itself to gateways and STAs'),
      authorization: z
        .enum(['grant', 'allowlist'])
        .default('grant')
        .describe(
          'a CONNECT needs a grant, or is held against destinations alone (for foreign first hops)',
        ),
      users: z
        .array(
          z.strictObject({
            username: username.describe('user name of the first hop'),
            password: secret(folder).describe('password of the first hop'),
          }),
        )
        .prefault([])
        .describe('logins of foreign first hops (RFC 1929), with authorization: allowlist'),
      grants: grants(folder).describe(
        'what the proxy mints at a redemption and takes at the CONNECT that follows',
      ),
      stas: stas.optional().describe('the STAs the relay leads to, as the gateway lists them'),
      destinations: destinations.describe(
        'what may be dialled; empty lists limit nothing with authorization: grant',
      ),
      allowLoopback: z
        .boolean()
        .default(false)
        .describe('127.0.0.0/8 and ::1 may be dialled (lab only)'),
      allowLinkLocal: z
        .boolean()
        .default(false)
        .describe('169.254.0.0/16 and fe80::/10 may be dialled'),
      allowMulticast: z
        .boolean()
        .default(false)
        .describe('224.0.0.0/4 and ff00::/8 may be dialled'),
      allowUnspecified: z.boolean().default(false).describe('0.0.0.0/8 and :: may be dialled'),
      allowTranslated: z
        .boolean()
        .default(false)
        .describe('NAT64, 6to4 and IPv4-mapped addresses may be dialled'),
      limits: limits.describe('how long and how much'),
      drainTimeout: duration('5 min', 0).describe('how long SIGTERM waits for sessions to end'),
    })
    .superRefine((proxy, context) => {
      const issue = (path: (string | number)[], message: string) =>
        context.addIssue({ code: 'custom', path, message })
      if (proxy.allow.names.length > 0 && proxy.secure === 'off') {
        issue(['allow', 'names'], 'without TLS nobody shows a certificate: list networks instead')
      }
      if (proxy.authorization === 'grant') {
        if (proxy.stas === undefined)
          issue(['stas'], 'authorization: grant needs the STAs that tickets come from')
        if (proxy.grants.keys.length === 0)
          issue(['grants', 'keys'], 'authorization: grant needs a key to mint grants with')
        if (proxy.users.length > 0) issue(['users'], 'users are for authorization: allowlist')
      } else if (
        proxy.destinations.networks.length === 0 ||
        proxy.destinations.ports.length === 0
      ) {
        issue(
          ['destinations'],
          'authorization: allowlist needs networks and ports, or everything could be reached',
        )
      }
    })

export type ProxySettings = z.output<ReturnType<typeof proxySection>>

/** Where the proxy listens and what it dials; the servers are the storefront's to tell, who publishes them. */
export function proxyTraffic(proxy: ProxySettings): Traffic {
  const { listen, secure, identity, stas = [], grants } = proxy
  const certificate = secure === 'on' ? { certificate: identity.certificate } : {}
  return {
    listens: [
      { listener: 'listen', at: listen, transport: 'tcp', speaks: 'socks', ...certificate },
      ...hostListens(proxy),
    ],
    dials: [
      ...staDials(stas, identity, {
        speaks: 'sta',
        why: 'the proxy redeems tickets',
        steps: [3, 4],
      }),
      ...redisDials(grants.store, 'proxy.grants.store', 'spent grants are shared', identity),
      ...hostDials(proxy),
    ],
  }
}
