import { type Checked, runsOf } from './checked.ts'
import { printableJson } from './printable.ts'

/**
 * A line for each run, row, path, session and finding, in this order; `kind` says which one it is. Nothing of the
 * result is left out.
 */
export function jsonLinesOf(checked: Checked): string {
  const runs = runsOf(checked)
  return [
    ...runs.map(({ rows: _, paths: __, findings: ___, sessions: ____, ...run }) => ({
      kind: 'check',
      ...run,
    })),
    ...checked.rows.map((row) => ({ kind: 'row', ...row })),
    ...checked.paths.map((path) => ({ kind: 'path', ...path })),
    ...runs.flatMap(({ zone, sessions }) =>
      sessions.map((session) => ({ kind: 'session', zone, ...session })),
    ),
    ...checked.findings.map((finding) => ({ kind: 'finding', ...finding })),
  ]
    .map((line) => `${printableJson(line)}\n`)
    .join('')
}
