import { isStaId } from '@doublehop/wire/ticket'
import { z } from 'zod'
import { secret } from './secret.ts'
import { count, duration } from './units.ts'
import { common, identity, listenEndpoint, overlap, peers, store } from './values.ts'

export const staSection = (folder: string) =>
  z
    .strictObject({
      ...common(folder),
      authorityId: z.string().refine(isStaId, 'expected STA and 1 to 13 letters or digits').describe('stands in every ticket it issues'),
      listen: listenEndpoint.optional().describe('HTTPS with client certificates'),
      listenHttp: listenEndpoint.optional().describe('plain HTTP, where only networks tell who asks'),
      identity: identity(folder).describe('how the STA shows itself, and whom it trusts'),
      serviceKey: secret(folder).describe('whoever issues must send it (X-Citrix-XmlServiceKey)'),
      issuers: peers.describe('who may issue tickets: certificate name, or network'),
      redeemers: peers.describe('who may redeem and refresh tickets: certificate name, or network'),
      ticketLifetime: duration('90 s').describe('from issue to the last redemption'),
      refreshableLifetime: duration('10 min').describe('the same for a refreshable ticket, from each refresh'),
      maxTickets: count(100_000).describe('live tickets at once; then no more are issued'),
      store: store.describe('where tickets are kept; Redis where several STAs share an id'),
      requestTimeout: duration('5 s').describe('from the first byte of a request to its last'),
      connections: count(4096).describe('connections at once'),
      drainTimeout: duration('10 s').describe('how long SIGTERM waits for requests to end'),
    })
    .superRefine(({ listen, listenHttp, issuers, redeemers }, context) => {
      if (listen === undefined && listenHttp === undefined) {
        context.addIssue({ code: 'custom', path: ['listen'], message: 'expected listen or listenHttp' })
      }
      const name = issuers.names.find((one) => redeemers.names.includes(one))
      if (name !== undefined) {
        context.addIssue({ code: 'custom', path: ['redeemers', 'names'], message: `${name} is an issuer too: who issues must not redeem` })
      }
      const shared = redeemers.networks.findIndex((one) => issuers.networks.some((other) => overlap(one, other)))
      if (shared >= 0) {
        context.addIssue({ code: 'custom', path: ['redeemers', 'networks', shared], message: 'it overlaps with a network of issuers: who issues must not redeem' })
      }
    })

export type StaSectionSettings = z.output<ReturnType<typeof staSection>>
