import { configuration } from './configuration.ts'
import { conversations } from './conversations.ts'
import { documents } from './documents.ts'
import type { Parser } from './parser.ts'
import { storefrontBody } from './storefront-body.ts'
import { texts } from './texts.ts'

/** Everything in the system that reads what a stranger wrote. */
export const parsers: readonly Parser[] = [
  ...conversations,
  ...texts,
  ...documents,
  storefrontBody,
  ...configuration,
]

/** How many of so many inputs each of them gets. */
export function shares(inputs: number): ReadonlyMap<Parser, number> {
  const whole = parsers.reduce((sum, { share }) => sum + share, 0)
  return new Map(parsers.map((parser) => [parser, Math.ceil((inputs * parser.share) / whole)]))
}
