import type { Flow } from '../flows/flow.ts'
import { printableJson } from './printable.ts'

/** The matrix as JSON: flows as checks and reports name them, without how TLS is spoken there. */
export function matrixJson(flows: readonly Flow[]): string {
  const shown = flows.map(({ tls: _, ...flow }) => flow)
  return `${printableJson(shown, 2)}\n`
}
