import type { Firewall } from '../../flows/paths.ts'
import { columnBox, columnOf, isManaged, type Layout, portY, WALL } from './layout.ts'
import { type Line, portKey } from './scene.ts'

/** A way through the picture. */
export interface Route {
  /** for the `d` of an SVG path */
  readonly path: string
  /** where it meets the firewalls of its path, in order */
  readonly crossings: readonly Crossing[]
}

export interface Crossing {
  readonly firewall: Firewall
  readonly x: number
  readonly y: number
}

interface Ends {
  readonly start: number
  readonly end: number
}

/** The way of every line: out of the side of a host, through the firewalls between, to the port. */
export function routesOf(lines: readonly Line[], layout: Layout): ReadonlyMap<Line, Route> {
  const starts = startsOf(lines, layout)
  return new Map(
    lines.flatMap((line) => {
      const target = layout.hosts.get(line.flow.to.name)
      const start = starts.get(line)
      if (target === undefined || start === undefined) return []
      const ends = { start, end: portY(target, portKey(line.flow)) }
      const route = isManaged(line) ? overTheFoot(line, layout, ends) : across(line, layout, ends)
      return [[line, route]]
    }),
  )
}

/** Lines leave a host in the order in which they arrive, so that few of them cross. */
function startsOf(lines: readonly Line[], { hosts }: Layout): ReadonlyMap<Line, number> {
  const starts = new Map<Line, number>()
  for (const [name, own] of Map.groupBy(lines, ({ flow }) => flow.from.name)) {
    const box = hosts.get(name)
    if (box === undefined) continue
    const rank = (line: Line) => {
      const target = hosts.get(line.flow.to.name)
      if (target === undefined) return 0
      return (isManaged(line) ? 10_000 : 0) + portY(target, portKey(line.flow))
    }
    const sorted = own.toSorted((a, b) => rank(a) - rank(b))
    const step = Math.min(16, (box.height - 16) / sorted.length)
    const first = box.y + box.height / 2 - (step * (sorted.length - 1)) / 2
    for (const [index, line] of sorted.entries()) starts.set(line, first + step * index)
  }
  return starts
}

/** From column to column; whole zones are passed above their hosts. */
function across(line: Line, layout: Layout, { start, end }: Ends): Route {
  const { from, to } = line.flow
  const source = layout.hosts.get(from.name)
  const target = layout.hosts.get(to.name)
  const [a, b] = [columnOf(from.zone), columnOf(to.zone)]
  if (source === undefined || target === undefined) return { path: '', crossings: [] }
  if (a === b)
    return around(line, source.x + source.width, target.x + target.width, layout, { start, end })
  const step = a < b ? 1 : -1
  const edge = (column: number, side: 1 | -1) => {
    const { x, width } = columnBox(column)
    return side === 1 ? x + width : x
  }
  const begin = step === 1 ? source.x + source.width : source.x
  const pieces = [`M${at(begin, start)}`]
  const crossings: Crossing[] = []
  let y = start
  for (let column = a; column !== b; column += step) {
    const next = column + step === b ? end : (layout.lanes.get(line) ?? end)
    const left = edge(column, step)
    const right = edge(column + step, step === 1 ? -1 : 1)
    const half = (left + right) / 2
    pieces.push(`H${round(left)}C${at(half, y)} ${at(half, next)} ${at(right, next)}`)
    const firewall = layout.walls[Math.min(column, column + step)]?.firewall
    if (firewall !== undefined) crossings.push({ firewall, x: half, y: (y + next) / 2 })
    y = next
  }
  const finish = step === 1 ? target.x : target.x + target.width
  pieces.push(`H${round(finish - step * ARROW)}`)
  return { path: pieces.join(''), crossings: onPath(line, crossings, finish - step * 34, end) }
}

/** Room for the head of the arrow. */
const ARROW = 5

/** Between two zones of one column, by the firewall beside both. */
function around(
  line: Line,
  x1: number,
  x2: number,
  { walls }: Layout,
  { start, end }: Ends,
): Route {
  const wall = walls[0]?.x ?? x1
  const path = `M${at(x1, start)}H${round(wall - 30)}C${at(wall + 16, start)} ${at(wall + 16, end)} ${at(wall - 30, end)}H${round(x2 + ARROW)}`
  const crossing = { firewall: walls[0]?.firewall ?? 1, x: wall, y: (start + end) / 2 }
  return { path, crossings: onPath(line, [crossing], wall, (start + end) / 2) }
}

/** To or from management: along the side of a column, through the foot of its firewall. */
function overTheFoot(line: Line, layout: Layout, { start, end }: Ends): Route {
  const { from, to } = line.flow
  const source = layout.hosts.get(from.name)
  const target = layout.hosts.get(to.name)
  const gutter = layout.gutters.get(line)
  if (source === undefined || target === undefined || gutter === undefined)
    return { path: '', crossings: [] }
  const managing = from.zone === 'management' ? source : target
  const other = from.zone === 'management' ? target : source
  const [managingY, otherY] = from.zone === 'management' ? [start, end] : [end, start]
  const column = Math.max(1, other.column)
  const wall = layout.walls[column - 1]
  const foot = wall === undefined ? 0 : wall.foot.y + WALL / 2
  const fromOutside = other.column === 0
  const down = fromOutside ? (wall?.x ?? 0) + 30 : gutter
  const points: [number, number][] = [[other.x + other.width, otherY]]
  points.push([down, otherY])
  const enters = fromOutside ? managing.x : managing.x + managing.width
  const ownGutter = fromOutside ? managing.x - 9 : managing.column === column ? gutter : enters + 10
  if (ownGutter !== down) {
    const strip = layout.zones.get('management')
    const lane = strip === undefined ? managingY : strip.y + strip.height - 8
    points.push([down, lane], [ownGutter, lane])
  }
  points.push([ownGutter, managingY], [enters, managingY])
  const ordered = from.zone === 'management' ? points.toReversed() : points
  const crossing = { firewall: wall?.firewall ?? 1, x: down, y: foot }
  return {
    path: bent(shortened(ordered)),
    crossings: onPath(line, [crossing], down, foot),
  }
}

/** Each firewall of the path once; one that the way does not meet is named where `x` and `y` say. */
function onPath(line: Line, met: readonly Crossing[], x: number, y: number): readonly Crossing[] {
  const { firewalls } = line.flow
  const found = firewalls.map(
    (firewall, index) =>
      met.find((one) => one.firewall === firewall) ?? { firewall, x: x - 22 * index, y },
  )
  return found
}

function shortened(points: readonly [number, number][]): readonly [number, number][] {
  const last = points.at(-1)
  const before = points.at(-2)
  if (last === undefined || before === undefined) return points
  return [...points.slice(0, -1), [last[0] + Math.sign(before[0] - last[0]) * ARROW, last[1]]]
}

/** Straight pieces with round corners. */
function bent(points: readonly [number, number][]): string {
  return points
    .map(([x, y], index) => {
      const before = points[index - 1]
      const after = points[index + 1]
      if (before === undefined) return `M${at(x, y)}`
      if (after === undefined) return `L${at(x, y)}`
      const radius = Math.min(8, reach(before, [x, y]) / 2, reach([x, y], after) / 2)
      const [ax, ay] = towards([x, y], before, radius)
      const [bx, by] = towards([x, y], after, radius)
      return `L${at(ax, ay)}Q${at(x, y)} ${at(bx, by)}`
    })
    .join('')
}

function reach([ax, ay]: [number, number], [bx, by]: [number, number]): number {
  return Math.hypot(bx - ax, by - ay)
}

function towards(from: [number, number], to: [number, number], by: number): [number, number] {
  const length = reach(from, to)
  if (length === 0) return from
  return [from[0] + ((to[0] - from[0]) * by) / length, from[1] + ((to[1] - from[1]) * by) / length]
}

function at(x: number, y: number): string {
  return `${round(x)} ${round(y)}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
