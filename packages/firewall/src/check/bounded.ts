import { ZONES } from '@doublehop/settings/zones'
import { z } from 'zod'

/** What plans and results are made of. Either may come from another host, so everything has a bound. */

export const text = z.string().max(1000)
export const zone = z.enum(ZONES)
export const firewall = z.literal([1, 2, 3])

/** More flows than a zone has: a file of others must not keep anybody busy for minutes. */
export const list = <T extends z.ZodType>(one: T) => z.array(one).max(10_000)
