import type { Zone } from '@doublehop/settings/zones'
import { nature, service } from '../../formats/checked.ts'
import type { Anchors } from '../anchors.ts'
import type { Joined } from '../join.ts'
import { html, type Markup } from '../markup.ts'
import { firewallSigns, lookOf, plural, ZONE_TITLES } from '../words.ts'
import {
  type Box,
  type Layout,
  layoutOf,
  type PlacedHost,
  PORT,
  portY,
  WALL,
  type Wall,
} from './layout.ts'
import { type Route, routesOf } from './route.ts'
import { type Line, sceneOf } from './scene.ts'

/** The zones, their hosts and firewalls, and every flow that is needed or leaks, in the colour of its verdict. */
export function pictureOf({ rows, missing }: Joined, anchors: Anchors): Markup {
  const scene = sceneOf(rows)
  const layout = layoutOf(scene)
  const routes = routesOf(scene.lines, layout)
  const { width, height } = layout
  return html`<svg class="picture" viewBox="0 0 ${width} ${height}" role="group" aria-labelledby="picture-title" xmlns="http://www.w3.org/2000/svg">
<title id="picture-title">The zones from outside to inside, with ${plural(scene.lines.length, 'flow')} as lines; each leads to its row below</title>
<defs>${ARROWS}</defs>
<g aria-hidden="true">${[...layout.zones].map(([zone, box]) => zoneOf(box, missing.includes(zone)))}
${layout.walls.map(wallOf)}</g>
${inOrder(scene.lines).map((line) => lineOf(line, routes.get(line), anchors, layout))}
<g aria-hidden="true">${[...layout.zones].map(([zone, box]) => titleOf(zone, box, missing.includes(zone)))}
${[...layout.hosts.values()].map(hostOf)}</g>
</svg>`
}

const STYLES = ['pass', 'blocked', 'leak', 'unknown', 'skip'] as const

const ARROWS = STYLES.map(
  (style) =>
    html`<marker id="to-${style}" class="${style}" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.5L8 4L0 7.5Z"/></marker>`,
)

/** Quiet lines first, so that nothing hides a leak. */
function inOrder(lines: readonly Line[]): readonly Line[] {
  const order = ['skip', 'shut', 'pass', 'unknown', 'blocked', 'leak']
  const rank = ({ worst }: Line) => order.indexOf(lookOf(worst).style)
  return lines.toSorted((a, b) => rank(a) - rank(b))
}

function zoneOf({ x, y, width, height }: Box, isMissing: boolean): Markup {
  const style = isMissing ? 'zone missing' : 'zone'
  return html`<g class="${style}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10"/></g>`
}

/** Above the lines, with an edge that keeps them off. */
function titleOf(zone: Zone, { x, y }: Box, isMissing: boolean): Markup {
  const away = isMissing ? html`<tspan class="away" dx="6">not checked</tspan>` : undefined
  return html`<g class="zone"><text x="${x + 16}" y="${y + 22}">${ZONE_TITLES[zone]}${away}</text></g>`
}

function wallOf({ firewall, x, top, foot }: Wall): Markup {
  const upright = html`<rect x="${x - WALL / 2}" y="${top}" width="${WALL}" height="${foot.y + foot.height - top}" rx="4"/>`
  const along = html`<rect x="${foot.x}" y="${foot.y}" width="${foot.width}" height="${foot.height}" rx="4"/>`
  return html`<g class="wall">${upright}${along}<circle cx="${x}" cy="${top}" r="15"/><text x="${x}" y="${top + 5.5}">${firewall}</text></g>`
}

function hostOf(placed: PlacedHost): Markup {
  const { host, x, y, width, height } = placed
  const ports = host.ports.map(({ key, worst }) => {
    const { style, sign } = lookOf(worst)
    const middle = portY(placed, key)
    return html`<line x1="${x}" x2="${x + width}" y1="${middle - PORT / 2}" y2="${middle - PORT / 2}"/><text class="port" x="${x + 12}" y="${middle + 4}">:${key.replace('/tcp', '').replace('/', ' ')}</text><text class="sign ${style}" x="${x + width - 12}" y="${middle + 4}">${sign}</text>`
  })
  const addresses = host.addresses.map(
    (address, index) =>
      html`<text class="address" x="${x + 12}" y="${y + 34 + 15 * index}">${fitting(address, width)}</text>`,
  )
  return html`<g class="host"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="7"/><text class="name" x="${x + 12}" y="${y + 19}">${fitting(host.name, width)}</text>${addresses}${ports}</g>`
}

/** What fits into a box; the tables below have all of it. */
function fitting(text: string, width: number): string {
  const room = Math.floor((width - 20) / 6.6)
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`
}

function lineOf(
  { flow, worst, rows }: Line,
  route: Route | undefined,
  anchors: Anchors,
  { width, height }: Layout,
): Markup | undefined {
  if (route === undefined) return undefined
  const look = lookOf(worst)
  const told = [
    `${flow.from.name} → ${flow.to.name} ${rows.map((row) => service(row.flow)).join(', ')}`,
    `firewall${flow.firewalls.length > 1 ? 's' : ''} ${firewallSigns(flow.firewalls)}`,
    nature(flow),
    `${look.word}${worst.verdict === 'SKIP' ? '' : `, observed ${worst.observed}`}`,
  ]
    .filter((part) => part !== '')
    .join(' · ')
  return html`<a class="flow ${look.style}" href="#${anchors.get(flow.id)}" aria-label="${told}"><title>${told}</title>
<path class="reach" d="${route.path}"/><path class="line" d="${route.path}" marker-end="url(#to-${look.style})"/>
${route.crossings.map(({ firewall, x, y }, index) => doorOf(look.style, firewall, x, y, index))}
<text class="told" x="${width / 2}" y="${height - 12}">${told}</text></a>`
}

/** How a firewall is passed: a door, a cross where it blocks, the firewall's number where it leaks. */
function doorOf(
  style: string,
  firewall: number,
  x: number,
  y: number,
  index: number,
): Markup | undefined {
  const place = `translate(${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10})`
  if (style === 'leak')
    return html`<g class="door" transform="${place}"><path d="M0 -13L13 0L0 13L-13 0Z"/><text y="4.5">${firewall}</text></g>`
  if (style === 'blocked')
    return index > 0
      ? undefined
      : html`<g class="door" transform="${place}"><circle r="9.5"/><path class="cross" d="M-4 -4L4 4M4 -4L-4 4"/></g>`
  if (style === 'unknown')
    return html`<g class="door" transform="${place}"><circle r="9.5"/><text y="4.5">?</text></g>`
  return html`<circle class="door" r="3.6" transform="${place}"/>`
}
