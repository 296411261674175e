import { ZONES, type Zone } from '@doublehop/settings/zones'
import type { CheckedFlow, Row } from '../../check/result.ts'
import { service } from '../../formats/checked.ts'
import type { Anchors } from '../anchors.ts'
import { html, type Markup } from '../markup.ts'
import { chip, lookOf, ZONE_TITLES } from '../words.ts'

type End = CheckedFlow['from']

/** Who may reach what: a row for each destination and port, a column for each source. */
export function matrixSection(rows: readonly Row[], anchors: Anchors): Markup {
  const sources = endsOf(rows.map(({ flow }) => flow.from))
  const byTarget = Map.groupBy(inOrder(rows), ({ flow }) => `${flow.to.name} ${service(flow)}`)
  const byName = Map.groupBy([...byTarget.values()], (group) => group[0]?.flow.to.name ?? '')
  const zones = Map.groupBy(sources, ({ zone }) => zone)
  return html`<section aria-labelledby="matrix"><h2 id="matrix">The matrix</h2>
<div class="card scroll" role="region" aria-labelledby="matrix" tabindex="0"><table class="matrix">
<thead><tr><th scope="col" rowspan="2">to <span aria-hidden="true">↓</span> from <span aria-hidden="true">→</span></th>${[...zones].map(([zone, own]) => html`<th scope="colgroup" colspan="${own.length}">${ZONE_TITLES[zone]}</th>`)}</tr>
<tr>${sources.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>
${[...byName].map(([name, targets]) => body(name, targets, sources, anchors))}
</table></div></section>`
}

function body(
  name: string,
  targets: readonly (readonly Row[])[],
  sources: readonly End[],
  anchors: Anchors,
): Markup {
  const zone = targets[0]?.[0]?.flow.to.zone
  const title = html`<tr><th scope="rowgroup" colspan="${sources.length + 1}">${name}${zone === undefined || zone === name ? undefined : html` <span class="quiet">${ZONE_TITLES[zone]}</span>`}</th></tr>`
  const lines = targets.map((group) => {
    const flow = group[0]?.flow
    if (flow === undefined) return undefined
    const cells = sources.map((source) =>
      cell(
        group.filter((row) => row.flow.from.name === source.name),
        source.zone === flow.to.zone,
        anchors,
      ),
    )
    return html`<tr><th scope="row"><code>${service(flow)}</code></th>${cells}</tr>`
  })
  return html`<tbody>${title}${lines}</tbody>`
}

/** Within a zone no firewall stands between, and a flow that nobody checked has no verdict. */
function cell(rows: readonly Row[], isInside: boolean, anchors: Anchors): Markup {
  if (rows.length === 0)
    return isInside
      ? html`<td class="inside"><span aria-hidden="true">·</span><span class="unseen">same zone</span></td>`
      : html`<td><span class="unseen">not checked</span></td>`
  const content = rows.map((row) => {
    const look = lookOf(row)
    const isLinked = look.style !== 'shut' && look.style !== 'skip'
    return isLinked
      ? html`<a href="#${anchors.get(row.flow.id)}">${chip(look)}</a> `
      : html`${chip(look)} `
  })
  return html`<td>${content}</td>`
}

function endsOf(ends: readonly End[]): readonly End[] {
  const byName = new Map(ends.map((end) => [end.name, end]))
  return [...byName.values()].toSorted((a, b) => ZONES.indexOf(a.zone) - ZONES.indexOf(b.zone))
}

/** Where daemons are comes before where people are. */
const TARGETS: readonly Zone[] = ['dmz1', 'dmz2', 'internal', 'management', 'internet', 'lan']

function inOrder(rows: readonly Row[]): readonly Row[] {
  const rank = ({ flow }: Row) => TARGETS.indexOf(flow.to.zone)
  return rows.toSorted((a, b) => rank(a) - rank(b))
}
