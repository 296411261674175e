import type { Zone } from '@doublehop/settings/zones'
import { FIREWALLS, type Firewall } from '../../flows/paths.ts'
import type { Host, Line, Scene } from './scene.ts'

/** Where everything stands, in units of the drawing; `y` grows downwards. */

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface PlacedHost extends Box {
  readonly host: Host
  readonly column: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly zones: ReadonlyMap<Zone, Box>
  readonly hosts: ReadonlyMap<string, PlacedHost>
  readonly walls: readonly Wall[]
  /** the y of the lane that a line which passes whole zones takes there, by its place in the scene */
  readonly lanes: ReadonlyMap<Line, number>
  /** the x of the way along the right side of a column that leads to management */
  readonly gutters: ReadonlyMap<Line, number>
}

/** A firewall: upright between two columns, with a foot below the inner one, between it and management. */
export interface Wall {
  readonly firewall: Firewall
  readonly x: number
  readonly top: number
  readonly foot: Box
}

export const WALL = 12
const MARGIN = 8
const GAP = 116
const COLUMN_WIDTHS = [168, 196, 196, 204] as const
const TOP = 46
const TITLE = 34
const PAD = 16
const BETWEEN = 18
const LANE = 12
const FOOT_SPACE = 46
const GUTTER = 9

const HEAD = 27
const ADDRESS = 15
export const PORT = 21
const HOST_END = 8

/** Internet and LAN share the first; management lies below the others. */
const COLUMNS: Readonly<Record<Zone, number>> = {
  internet: 0,
  lan: 0,
  dmz1: 1,
  dmz2: 2,
  internal: 3,
  management: 4,
}

export function columnOf(zone: Zone): number {
  return COLUMNS[zone]
}

export function columnBox(column: number): { readonly x: number; readonly width: number } {
  const before = COLUMN_WIDTHS.slice(0, column).reduce((sum, width) => sum + width + GAP, MARGIN)
  return { x: before, width: COLUMN_WIDTHS[column] ?? 0 }
}

/** The y of a port's row. */
export function portY({ y, host }: PlacedHost, key: string): number {
  const index = host.ports.findIndex((port) => port.key === key)
  return y + HEAD + ADDRESS * host.addresses.length + PORT * (index + 0.5)
}

export function layoutOf(scene: Scene): Layout {
  const lanes = lanesOf(scene.lines)
  const columns = managementColumns(scene)
  const managed = Map.groupBy(scene.lines.filter(isManaged), (line) => gutterColumn(line, columns))
  const room = (column: number) => PAD + GUTTER * Math.min(7, managed.get(column)?.length ?? 0)

  const outside = (['internet', 'lan'] as const).map((zone) => inZone(scene, zone))
  const inner = (['dmz1', 'dmz2', 'internal'] as const).map((zone) => inZone(scene, zone))
  const laneRoom = lanes.size === 0 ? 0 : Math.min(lanes.size * LANE, 96) + 6
  const needs = [
    outside.reduce((sum, hosts) => sum + TITLE + stackHeight(hosts) + PAD, BETWEEN),
    ...inner.map((hosts) => TITLE + laneRoom + stackHeight(hosts) + PAD),
  ]
  const height = Math.max(220, ...needs)

  const zones = new Map<Zone, Box>()
  const hosts = new Map<string, PlacedHost>()
  const first = columnBox(0)
  const shared = outside.map((own) => TITLE + stackHeight(own) + PAD)
  const spare = (height - BETWEEN - (shared[0] ?? 0) - (shared[1] ?? 0)) / 2
  let y = TOP
  for (const [index, zone] of (['internet', 'lan'] as const).entries()) {
    const box = { x: first.x, y, width: first.width, height: (shared[index] ?? 0) + spare }
    zones.set(zone, box)
    stack(hosts, outside[index] ?? [], box, TITLE, 0, room(0))
    y += box.height + BETWEEN
  }
  for (const [index, zone] of (['dmz1', 'dmz2', 'internal'] as const).entries()) {
    const box = { ...columnBox(index + 1), y: TOP, height }
    zones.set(zone, box)
    stack(hosts, inner[index] ?? [], box, TITLE + laneRoom, index + 1, room(index + 1))
  }

  const managers = inZone(scene, 'management')
  const below = TOP + height + FOOT_SPACE
  const byColumn = Map.groupBy(managers, ({ name }) => columns.get(name) ?? 3)
  const deepest = Math.max(0, ...[...byColumn.values()].map(stackHeight))
  const last = columnBox(3)
  const strip = {
    ...{ x: columnBox(1).x, y: below, height: TITLE + deepest + PAD },
    width: last.x + last.width - columnBox(1).x,
  }
  if (managers.length > 0) zones.set('management', strip)
  for (const [column, own] of byColumn) {
    const box = { ...columnBox(column), y: below, height: strip.height }
    stack(hosts, own, box, TITLE, column, room(column))
  }

  const gutters = new Map<Line, number>()
  for (const [column, lines] of managed) {
    const { x, width } = columnBox(column)
    const start = x + width - room(column) + 4
    const step = Math.min(GUTTER, (room(column) - PAD) / lines.length)
    for (const [index, line] of lines.entries()) gutters.set(line, start + 6 + step * index)
  }

  const bottom = managers.length > 0 ? below + strip.height : TOP + height
  const laneStep = Math.min(LANE, 96 / Math.max(1, lanes.size))
  return {
    ...{ zones, hosts, gutters },
    width: last.x + last.width + MARGIN,
    height: bottom + 40,
    walls: wallsOf(TOP + height, managers.length > 0),
    lanes: new Map(
      [...lanes].map((line, index) => [line, TOP + TITLE + 4 + laneStep * (index + 0.5)]),
    ),
  }
}

function wallsOf(bottom: number, hasManagement: boolean): Wall[] {
  return FIREWALLS.map((firewall) => {
    const { x, width } = columnBox(firewall)
    const left = x - GAP / 2 - WALL / 2
    const right = firewall === 3 ? x + width : x + width + GAP / 2 - WALL / 2 - 8
    const y = bottom + FOOT_SPACE / 2 - WALL / 2
    const foot = { x: left, y, width: hasManagement ? right - left : WALL, height: WALL }
    return { firewall, x: left + WALL / 2, top: TOP - 20, foot }
  })
}

/** Lines that pass a whole column on their way. */
function lanesOf(lines: readonly Line[]): ReadonlySet<Line> {
  return new Set(
    lines.filter((line) => {
      const { from, to } = line.flow
      return !isManaged(line) && Math.abs(columnOf(from.zone) - columnOf(to.zone)) > 1
    }),
  )
}

export function isManaged({ flow: { from, to } }: Line): boolean {
  return from.zone === 'management' || to.zone === 'management'
}

/** A host in management stands below the column that it has most to do with. */
function managementColumns({ hosts, lines }: Scene): ReadonlyMap<string, number> {
  return new Map(
    hosts
      .filter(({ zone }) => zone === 'management')
      .map(({ name }) => {
        const needed = lines.toSorted((a, b) => Number(isLeak(a)) - Number(isLeak(b)))
        const other = needed.flatMap(({ flow: { from, to } }) =>
          from.name === name ? [to] : to.name === name ? [from] : [],
        )[0]
        return [name, other === undefined ? 3 : Math.max(1, columnOf(other.zone))]
      }),
  )
}

function isLeak({ flow: { expect } }: Line): boolean {
  return expect === 'deny'
}

/** The column along whose right side a line goes up or down. */
function gutterColumn({ flow: { from, to } }: Line, columns: ReadonlyMap<string, number>): number {
  const other = from.zone === 'management' ? to : from
  const own = from.zone === 'management' ? from : to
  const column = columnOf(other.zone)
  return column === 0 || column > 3 ? (columns.get(own.name) ?? 3) : column
}

function inZone({ hosts }: Scene, zone: Zone): readonly Host[] {
  return hosts.filter((host) => host.zone === zone)
}

function hostHeight({ addresses, ports }: Host): number {
  return HEAD + ADDRESS * addresses.length + PORT * ports.length + HOST_END
}

function stackHeight(hosts: readonly Host[]): number {
  return hosts.reduce(
    (sum, host) => sum + hostHeight(host) + BETWEEN,
    -BETWEEN * Number(hosts.length > 0),
  )
}

/** Hosts one above the other, in the middle of what their zone has left below its title. */
function stack(
  placed: Map<string, PlacedHost>,
  hosts: readonly Host[],
  zone: Box,
  title: number,
  column: number,
  right: number,
): void {
  const free = zone.height - title - PAD - stackHeight(hosts)
  const between = BETWEEN + Math.min(40, free / (hosts.length + 1))
  const extra = (between - BETWEEN) * (hosts.length - 1)
  let y = zone.y + title + (free - extra) / 2
  for (const host of hosts) {
    const height = hostHeight(host)
    const width = zone.width - PAD - right
    placed.set(host.name, { host, column, x: zone.x + PAD, y, width, height })
    y += height + between
  }
}
