import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A row of a table, by the heads of its columns. */
export type Row = Readonly<Record<string, string>>

/** The table below this heading of a page in docs/, with the marks of code taken off. */
export function tableOf(page: string, heading: string): Row[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8')
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  const [head = [], , ...rows] = lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
  if (rows.length === 0) throw new Error(`docs/${page} has no table below ${heading}`)
  return rows.map((cells) => Object.fromEntries(head.map((name, at) => [name, cells[at] ?? ''])))
}
