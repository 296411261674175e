import { z } from 'zod'
import { addresses } from './addresses.ts'

const host = z.strictObject({
  name: z.string().min(1).max(253).toLowerCase().describe('a name that stands in this file'),
  addresses: addresses.describe('what the zones’ name servers answer for it'),
})

const probe = (who: string) => addresses.optional().describe(who)

/** What firewall rules and checks need to know and no daemon does. */
export const network = z
  .strictObject({
    edt: z
      .boolean()
      .default(false)
      .describe('let UDP through too, to the gateway and to the servers'),
    hosts: z
      .array(host)
      .prefault([])
      .describe('the addresses of names that stand in this file; a rule holds addresses only'),
    probes: z
      .strictObject({
        internet: probe('a host outside from which checks are made'),
        lan: probe('the same inside, among the users'),
        management: probe('the same in management'),
        port: z
          .int()
          .min(1)
          .max(65535)
          .default(4840)
          .describe('where doublehop listen waits in a zone without a daemon'),
      })
      .prefault({})
      .describe('hosts of zones without a daemon; left out, the tenth address of the zone'),
  })
  .prefault({})
