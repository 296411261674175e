import { z } from 'zod'

/** An IPv4 address, an IPv6 address, or both. */
export const addresses = z.strictObject({
  v4: z
    .ipv4('expected an IPv4 address')
    .optional()
    .describe('its IPv4 address')
    .meta({ title: 'IPv4 address' }),
  v6: z
    .ipv6('expected an IPv6 address')
    .optional()
    .describe('its IPv6 address')
    .meta({ title: 'IPv6 address' }),
})

export type Addresses = z.output<typeof addresses>
