import { styleText } from 'node:util'
import type { StepLine } from '@doublehop/daemon/steps'

/** One step as a row. */
export interface StepRow extends Pick<StepLine, 'step' | 'name' | 'route' | 'detail'> {
  /** how long it took, milliseconds; left out where nobody knows */
  readonly ms?: number
  /** columns before the route, such as when and by whom */
  readonly told?: readonly string[]
  /** the step where a launch stopped, or one that nobody saw */
  readonly look?: 'stopped' | 'missing'
}

/** Below this width a table with more columns goes without its routes. */
const WIDTH_FOR_ROUTES = 120
const LEAST_DETAIL = 12

/**
 * Steps as lines of a table: number, name, route, what was seen, how long it took.
 *
 * @param columns the width it must keep; left out, it is as wide as it needs
 */
export function stepTable(
  steps: readonly StepRow[],
  stream: NodeJS.WriteStream,
  columns?: number,
): string {
  const narrow = columns !== undefined && columns < WIDTH_FOR_ROUTES
  const rows = steps.map(({ step, name, route, detail, ms, told = [], look }) => ({
    label: `${step} ${name}`,
    middle: narrow && told.length > 0 ? told : [...told, route],
    detail,
    took: ms === undefined ? '' : `${ms.toFixed(1)} ms`,
    look,
  }))
  const width = (pick: (row: (typeof rows)[number]) => string): number =>
    Math.max(0, ...rows.map((row) => pick(row).length))
  const widths = {
    label: width(({ label }) => label),
    middle: (rows[0]?.middle ?? []).map((_, at) => width(({ middle }) => middle[at] ?? '')),
    took: Math.max(
      9,
      width(({ took }) => took),
    ),
  }
  const taken = [2 + widths.label, ...widths.middle, widths.took].reduce(
    (sum, one) => sum + one + 2,
  )
  const room = columns === undefined ? Infinity : Math.max(LEAST_DETAIL, columns - taken - 2)
  const detailWidth = Math.min(
    width(({ detail }) => detail),
    room,
  )
  return rows
    .map(({ label, middle, detail, took, look }) => {
      const mark = look === 'stopped' ? '✗ ' : '  '
      const cells = [
        `${mark}${styleText(STYLES[look ?? 'done'], label.padEnd(widths.label), { stream })}`,
        ...middle.map((cell, at) => cell.padEnd(widths.middle[at] ?? 0)),
        cut(detail, detailWidth).padEnd(detailWidth),
      ]
      const line = `${cells.join('  ')}  ${styleText('dim', took.padStart(widths.took), { stream })}`
      return look === 'missing' ? `${styleText('dim', line.trimEnd(), { stream })}\n` : `${line}\n`
    })
    .join('')
}

const STYLES = { done: 'bold', stopped: ['bold', 'red'], missing: 'dim' } as const

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
