import type { Row } from '../check/result.ts'

/** What a link to a flow's row leads to, by the id of the flow. */
export type Anchors = ReadonlyMap<string, string>

/** Each flow's anchor: its id, where that can stand in a link. */
export function anchorsOf(rows: readonly Row[]): Anchors {
  return new Map(
    rows.map(({ flow: { id } }, index) => [
      id,
      /^[\w.-]+$/.test(id) ? `flow-${id}` : `row-${index}`,
    ]),
  )
}
