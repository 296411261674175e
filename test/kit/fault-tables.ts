import { type Row, tableOf } from './tables.ts'

/** What docs/faults.md promises in one cell: what the client gets, and what its ticket is good for then. */
export interface Promised {
  readonly client: 'session' | 'end' | '02' | '04' | '01'
  readonly ticket: 'good' | 'spent' | 'lost'
}

/** The table below this heading of docs/faults.md. */
export function faultTable(heading: string): Row[] {
  return tableOf('faults.md', heading)
}

/** The row of a step. */
export function rowOf(table: readonly Row[], step: number): Row | undefined {
  return table.find((row) => row['step under way']?.startsWith(`${step} `))
}

/** A cell such as `04, spent`. */
export function promised(cell: string | undefined): Promised {
  const [, client, ticket] = /^(session|end|02|04|01), (good|spent|lost)$/.exec(cell ?? '') ?? []
  if (client === undefined || ticket === undefined)
    throw new Error(`docs/faults.md: no cell reads ${cell}`)
  return { client, ticket } as Promised
}
