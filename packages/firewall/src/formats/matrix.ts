import type { Flow } from '../flows/flow.ts'

/** What each flow shows in a matrix. */
export const MATRIX_HEAD = [
  'EXPECT',
  'FLOW',
  'FROM',
  'TO',
  'PORT',
  'FIREWALLS',
  'STEPS',
  'WHY',
] as const

/** One flow as the cells of a row. */
export function matrixRow({ expect, id, from, to, port, protocol, ...flow }: Flow): string[] {
  return [
    ...[expect, id, source(from, expect), to.address, `${port}/${protocol}`],
    ...[flow.firewalls.join(', '), flow.steps.join(', '), flow.why],
  ]
}

/** A rule holds the network; what must not work is tried from one address. */
function source({ network, address }: Flow['from'], expect: Flow['expect']): string {
  return expect === 'deny' ? (address ?? network) : network
}
