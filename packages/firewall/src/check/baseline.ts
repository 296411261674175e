import type { Row } from './result.ts'

/** One check, or several joined. */
interface Checked {
  readonly rows: readonly Row[]
}

/** A flow that is otherwise than it was. */
export interface Change {
  readonly id: string
  /** undefined where one of both knows no such flow */
  readonly before: Pick<Row, 'observed' | 'verdict'> | undefined
  readonly now: Pick<Row, 'observed' | 'verdict'> | undefined
}

/** What has changed since an earlier check of the same zones; a flow that one of them could not run has not. */
export function changesSince(before: Checked, now: Checked): Change[] {
  const [old, current] = [ran(before), ran(now)]
  const ids = new Set([...old.keys(), ...current.keys()])
  return [...ids].flatMap((id) => {
    const [was, is] = [old.get(id), current.get(id)]
    if (was?.observed === is?.observed && was?.verdict === is?.verdict) return []
    return [{ id, before: was, now: is }]
  })
}

function ran({ rows }: Checked): Map<string, Pick<Row, 'observed' | 'verdict'>> {
  const run = rows.filter(({ verdict }) => verdict !== 'SKIP')
  return new Map(run.map(({ flow, observed, verdict }) => [flow.id, { observed, verdict }]))
}
