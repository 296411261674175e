import type { Checked } from './checked.ts'
import { printableJson } from './printable.ts'

/** The result as it is, to be read by machines, by `doublehop report`, and by `--baseline`. */
export function jsonOf(checked: Checked): string {
  return `${printableJson(checked, 2)}\n`
}
