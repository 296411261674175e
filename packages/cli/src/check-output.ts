import type { Change } from '@doublehop/firewall/check/baseline'
import type { CheckResult } from '@doublehop/firewall/check/result'
import type { Checked } from '@doublehop/firewall/formats/checked'
import { jsonOf } from '@doublehop/firewall/formats/json'
import { jsonLinesOf } from '@doublehop/firewall/formats/jsonl'
import { junitOf } from '@doublehop/firewall/formats/junit'
import { printable, printableJson } from '@doublehop/firewall/formats/printable'
import { prometheusOf } from '@doublehop/firewall/formats/prometheus'
import { tableOf } from '@doublehop/firewall/formats/table'
import { tapOf } from '@doublehop/firewall/formats/tap'
import { join } from '@doublehop/firewall/report/join'
import { table } from './table.ts'

export type CheckFormat = 'table' | 'json' | 'jsonl' | 'tap' | 'junit' | 'prometheus'

/**
 * Prints what checks say; those of several hosts or zones together, with one verdict. Where the output is data, people
 * learn what has changed on standard error.
 *
 * @param changes since an earlier check, where one is known
 */
export function printCheck(
  results: readonly CheckResult[],
  changes: readonly Change[] | undefined,
  format: CheckFormat,
): void {
  process.stdout.write(textOf(results, format))
  if (changes === undefined) return
  const stream = format === 'table' ? process.stdout : process.stderr
  stream.write(changesText(changes))
}

function textOf(results: readonly CheckResult[], format: CheckFormat): string {
  const [first] = results
  const checked: Checked = first !== undefined && results.length === 1 ? first : join(results, [])
  switch (format) {
    case 'table':
      return tableOf(checked, process.stdout)
    case 'json':
      // One result, or a list of them: both are what doublehop report reads.
      return results.length === 1 ? jsonOf(checked) : `${printableJson(results, 2)}\n`
    case 'jsonl':
      return jsonLinesOf(checked)
    case 'tap':
      return tapOf(checked)
    case 'junit':
      return junitOf(checked)
    case 'prometheus':
      return prometheusOf(checked)
  }
}

function changesText(changes: readonly Change[]): string {
  if (changes.length === 0) return 'nothing has changed\n'
  const said = (row: Change['before']) =>
    row === undefined ? '–' : `${row.observed} ${row.verdict}`
  const rows = changes.map(({ id, before, now }) => [printable(id), said(before), said(now)])
  return `\n${table(['CHANGED', 'BEFORE', 'NOW'], rows)}`
}
