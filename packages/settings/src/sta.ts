import { z } from 'zod'
import { listenEndpoint } from './endpoints.ts'
import { hostDials, hostListens } from './host-traffic.ts'
import { secret } from './secret.ts'
import { redisDials, store } from './store.ts'
import type { Traffic } from './traffic.ts'
import { count, countOrOff, duration, size } from './units.ts'
import { common, identity, overlap, peers, restart, staId } from './values.ts'

const limits = z
  .strictObject({
    handshakes: count(4096).describe(
      'connections that have not finished TLS; when there are more, the oldest gives way',
    ),
    handshakesPerSource: countOrOff('off').describe('the same of one caller'),
    tlsHandshake: duration('10 s').describe('TLS handshake with a caller'),
    request: duration('5 s').describe('from the first byte of a request to its last'),
    requestBytes: size('64 KiB').describe('the body of a request, in bytes'),
    connections: count(4096).describe('connections at once'),
    connectionsPerSource: countOrOff('off').describe('the same of one caller'),
  })
  .prefault({})

export const staSection = (folder: string) =>
  z
    .strictObject({
      ...common(folder),
      authorityId: restart(staId.describe('stands in every ticket it issues')),
      listen: restart(listenEndpoint.optional().describe('HTTPS with client certificates')),
      listenHttp: restart(
        listenEndpoint.optional().describe('plain HTTP, where only networks tell who asks'),
      ),
      identity: identity(folder).describe('how the STA shows itself, and whom it trusts'),
      serviceKey: secret(folder).describe('whoever issues must send it (X-Citrix-XmlServiceKey)'),
      issuers: peers.describe(
        'who may issue tickets: names over HTTPS, networks over plain HTTP; with none nobody may',
      ),
      redeemers: peers.describe(
        'who may redeem and refresh tickets: names over HTTPS, networks over plain HTTP; with none nobody may',
      ),
      ticketLifetime: duration('90 s').describe('from issue to the last redemption'),
      refreshableLifetime: duration('10 min').describe(
        'a refreshable ticket: from issue or its last refresh to its end',
      ),
      maxTickets: count(100_000).describe('live tickets at once; then no more are issued'),
      store: restart(
        store(folder).describe('where tickets are kept; Redis where several STAs share an id'),
      ),
      limits: limits.describe('how long and how much'),
      drainTimeout: duration('10 s', 0).describe('how long SIGTERM waits for requests to end'),
    })
    .superRefine(({ listen, listenHttp, issuers, redeemers }, context) => {
      if (listen === undefined && listenHttp === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['listen'],
          message: 'expected listen or listenHttp',
        })
      }
      for (const [list, { names, networks }] of Object.entries({ issuers, redeemers })) {
        const idle = (key: string, message: string) =>
          context.addIssue({ code: 'custom', path: [list, key], message })
        if (names.length > 0 && listen === undefined) {
          idle('names', 'without listen nobody shows a certificate: list networks instead')
        }
        if (networks.length > 0 && listenHttp === undefined) {
          idle(
            'networks',
            'over HTTPS the certificate says who asks: list names, or open listenHttp',
          )
        }
      }
      const issuing = new Set(issuers.names.map((one) => one.toLowerCase()))
      const both = redeemers.names.findIndex((one) => issuing.has(one.toLowerCase()))
      if (both >= 0) {
        context.addIssue({
          code: 'custom',
          path: ['redeemers', 'names', both],
          message: `${redeemers.names[both]} is an issuer too: who issues must not redeem`,
        })
      }
      const shared = redeemers.networks.findIndex((one) =>
        issuers.networks.some((other) => overlap(one, other)),
      )
      if (shared >= 0) {
        context.addIssue({
          code: 'custom',
          path: ['redeemers', 'networks', shared],
          message: 'it overlaps with a network of issuers: who issues must not redeem',
        })
      }
    })

export type StaDaemonSettings = z.output<ReturnType<typeof staSection>>

/** Where the STA listens, and the Redis it may dial. */
export function staTraffic(sta: StaDaemonSettings): Traffic {
  const { listen, listenHttp, identity } = sta
  const own = { transport: 'tcp', speaks: 'sta-health' } as const
  return {
    listens: [
      ...(listen === undefined
        ? []
        : [{ listener: 'listen', at: listen, ...own, certificate: identity.certificate }]),
      ...(listenHttp === undefined ? [] : [{ listener: 'listenHttp', at: listenHttp, ...own }]),
      ...hostListens(sta),
    ],
    dials: [
      ...redisDials(sta.store, 'sta.store', 'tickets are kept in Redis', identity),
      ...hostDials(sta),
    ],
  }
}
