import type { Flow } from '../flows/flow.ts'
import { MATRIX_HEAD, matrixRow } from './matrix.ts'

/** The matrix as a table of Markdown. */
export function matrixMarkdown(flows: readonly Flow[]): string {
  const rows = [[...MATRIX_HEAD], MATRIX_HEAD.map(() => '---'), ...flows.map(matrixRow)]
  return rows.map((row) => `| ${row.map(cell).join(' | ')} |\n`).join('')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
