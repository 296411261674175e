import type { Flow } from '../flows/flow.ts'
import { csvLine } from '../rules/csv-line.ts'
import { MATRIX_HEAD, matrixRow } from './matrix.ts'

/** The matrix as CSV, one line a flow. */
export function matrixCsv(flows: readonly Flow[]): string {
  return [MATRIX_HEAD.map((title) => title.toLowerCase()), ...flows.map(matrixRow)]
    .map(csvLine)
    .join('')
}
