import { z } from 'zod'
import { dialEndpoint } from './endpoints.ts'

/** What a host uses beside the daemon on it: only the firewalls care. */
export const services = z
  .strictObject({
    dns: z.array(dialEndpoint).prefault([]).describe('name servers, over UDP and TCP'),
    ntp: z.array(dialEndpoint).prefault([]).describe('time servers, over UDP'),
    logs: z
      .array(
        z.strictObject({
          address: dialEndpoint.describe('where log lines are shipped to'),
          protocol: z.enum(['tcp', 'udp']).default('tcp').describe('how'),
        }),
      )
      .prefault([])
      .describe('collectors of logs'),
  })
  .prefault({})
