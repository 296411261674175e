import type { Flow } from '../flows/flow.ts'
import { MATRIX_HEAD, matrixRow } from './matrix.ts'

/** Between columns. */
const GAP = 2
/** The reason is never cut shorter. */
const LEAST_WHY = 20

/**
 * The matrix for a terminal, one line a flow.
 *
 * @param width columns of the terminal: the reason is cut to fit; undefined where nothing is to be cut
 */
export function matrixTable(flows: readonly Flow[], width?: number): string {
  const rows = [[...MATRIX_HEAD], ...flows.map(matrixRow)]
  const widths = MATRIX_HEAD.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  const before = widths.slice(0, -1).reduce((sum, one) => sum + one + GAP, 0)
  const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(width - before, LEAST_WHY)
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === widths.length - 1 ? cut(cell, room) : cell.padEnd((widths[column] ?? 0) + GAP),
        )
        .join('')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}

function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`
}
