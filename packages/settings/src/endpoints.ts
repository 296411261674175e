import { isIP } from 'node:net'
import { type Endpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import { z } from 'zod'

const EXPECTED = 'expected address:port, an IPv6 address in brackets'

/** `address:port`, an IPv6 address in brackets. */
export const endpoint = z
  .string(EXPECTED)
  .transform((text, context): Endpoint => {
    const parsed = parseEndpoint(text)
    if (parsed !== undefined) return parsed
    context.addIssue(EXPECTED)
    return z.NEVER
  })
  .meta({ title: 'address:port' })

/** Where to listen: an IP address and a port; port 0 takes a free one. */
export const listenEndpoint = endpoint
  .refine(({ host }) => isIP(host) !== 0, 'expected an IP address to listen on')
  .meta({ title: 'IP address:port' })

/** Where something is to be dialled. */
export const dialEndpoint = endpoint.refine(({ port }) => port > 0, 'port 0 cannot be dialled')

/** The admin listener never leaves the host. */
export const adminEndpoint = endpoint
  .refine(
    ({ host }) => ['127.0.0.1', '::1'].includes(host),
    'expected a loopback address: the admin listener has no access control of its own',
  )
  .meta({ title: 'loopback address:port' })
