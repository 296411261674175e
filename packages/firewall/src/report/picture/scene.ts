import { ZONES, type Zone } from '@doublehop/settings/zones'
import { type CheckedFlow, type Row, VERDICTS } from '../../check/result.ts'

/** A host of the picture, with the ports that lines lead to. */
export interface Host {
  readonly name: string
  readonly zone: Zone
  readonly addresses: readonly string[]
  readonly ports: readonly Port[]
}

export interface Port {
  /** `1080/tcp` */
  readonly key: string
  /** the worst of what leads there, where rows do not agree */
  readonly worst: Row
}

/** A flow to draw; of a host with addresses of both families, both in one. */
export interface Line {
  readonly flow: CheckedFlow
  readonly rows: readonly Row[]
  /** the worst of them */
  readonly worst: Row
}

export interface Scene {
  readonly hosts: readonly Host[]
  readonly lines: readonly Line[]
}

/**
 * What there is to draw: every host that a flow starts from or leads to, every flow that is needed, and every one that
 * leaks. Forbidden flows that are shut would only hide those.
 */
export function sceneOf(rows: readonly Row[]): Scene {
  const lines = linesOf(rows.filter(isDrawn))
  const hosts = new Map<string, { zone: Zone; addresses: Set<string> }>()
  for (const { flow } of rows) {
    for (const { name, zone, address } of [flow.from, flow.to]) {
      const host = hosts.get(name) ?? { zone, addresses: new Set() }
      host.addresses.add(address)
      hosts.set(name, host)
    }
  }
  const placed = [...hosts].map(([name, { zone, addresses }]) => ({
    ...{ name, zone, addresses: [...addresses] },
    ports: portsOf(lines.filter(({ flow }) => flow.to.name === name)),
  }))
  const order = placed.toSorted((a, b) => ZONES.indexOf(a.zone) - ZONES.indexOf(b.zone))
  return { hosts: order, lines }
}

export function portKey({ port, protocol }: CheckedFlow): string {
  return `${port}/${protocol}`
}

function isDrawn({ flow, verdict }: Row): boolean {
  return flow.expect === 'allow' || verdict === 'LEAK'
}

function linesOf(rows: readonly Row[]): Line[] {
  const groups = Map.groupBy(rows, ({ flow }) =>
    [flow.from.name, flow.to.name, portKey(flow)].join(' '),
  )
  return [...groups.values()].flatMap((group) => {
    const worst = worstOf(group)
    return worst === undefined ? [] : [{ flow: worst.flow, rows: group, worst }]
  })
}

function portsOf(lines: readonly Line[]): Port[] {
  const groups = Map.groupBy(lines, ({ flow }) => portKey(flow))
  return [...groups].flatMap(([key, group]) => {
    const worst = worstOf(group.map((line) => line.worst))
    return worst === undefined ? [] : [{ key, worst }]
  })
}

function worstOf(rows: readonly Row[]): Row | undefined {
  return rows.toSorted((a, b) => VERDICTS.indexOf(b.verdict) - VERDICTS.indexOf(a.verdict))[0]
}
