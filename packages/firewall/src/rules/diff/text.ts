import { printable } from '../../formats/printable.ts'
import type { Ruleset } from '../ruleset.ts'
import type { Comparison } from './compare.ts'
import type { Written } from './loaded.ts'
import { sentenceOf } from './sentences.ts'

/** A comparison for people: one line a difference, and below it what to do. @param source what was read */
export function comparisonText(
  { differences, own, notUnderstood, interfaces, elsewhere }: Comparison,
  ruleset: Ruleset,
  source: string,
): string {
  const found = differences.length === 1 ? '1 difference' : `${differences.length} differences`
  const result = differences.length === 0 ? 'no difference' : found
  const lines = [
    `firewall ${ruleset.firewall}, ${source}: ${result}`,
    ...differences.flatMap((one) => {
      const { kind, subject, says } = sentenceOf(one, ruleset)
      return [`${kind.padEnd(9)} ${subject}`, ...says.map((line) => `          ${line}`)]
    }),
    ...asides(notUnderstood, 'not understood, so counted as none that is wanted'),
    ...asides(interfaces, 'taken as if their interfaces were the right ones'),
    ...asides(own, 'your own, into the firewall itself'),
    ...asides(elsewhere, 'at other hooks, not compared', 'place'),
  ]
  return lines.map((line) => `${printable(line)}\n`).join('')
}

function asides(rules: readonly Written[], what: string, one = 'rule'): string[] {
  if (rules.length === 0) return []
  const count = rules.length === 1 ? `1 ${one}` : `${rules.length} ${one}s`
  return [`${count} ${what}:`, ...rules.map((rule) => `          ${rule.at}: ${meaning(rule)}`)]
}

/** A comment may say one thing and its rule do another, so it never stands alone. */
function meaning({ comment, text }: Written): string {
  return comment === undefined || text.includes(comment) ? text : `"${comment}" ${text}`
}
