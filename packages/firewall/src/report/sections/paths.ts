import type { PathRow } from '../../check/result.ts'
import type { Anchors } from '../anchors.ts'
import { html, type Markup } from '../markup.ts'
import { chip, lookOfVerdict, ZONE_TITLES } from '../words.ts'
import { linkTo } from './findings.ts'

/** What was tried through a flow: whether what lies behind its destination answers. */
export function pathsSection(paths: readonly PathRow[], anchors: Anchors): Markup | undefined {
  if (paths.length === 0) return undefined
  return html`<section aria-labelledby="paths"><h2 id="paths">Through the hops</h2>
<div class="card scroll" role="region" aria-labelledby="paths" tabindex="0"><table class="rows"><thead><tr><th scope="col">Path</th><th scope="col">Through</th><th scope="col">Flows behind</th><th scope="col">Verdict</th></tr></thead>
<tbody>${paths.map((path) => line(path, anchors))}</tbody></table></div></section>`
}

function line({ label, through, behind, verdict, note, see }: PathRow, anchors: Anchors): Markup {
  const told = [note, see && `see zone ${ZONE_TITLES[see]}`].filter((one) => one !== undefined)
  return html`<tr><th scope="row">${label}</th><td>${linkTo(through, anchors)}</td><td>${behind.map((id) => linkTo(id, anchors))}</td><td>${chip(lookOfVerdict(verdict))}${told.length === 0 ? undefined : html`<span class="note">${told.join(' · ')}</span>`}</td></tr>`
}
