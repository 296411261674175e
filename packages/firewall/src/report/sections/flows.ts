import type { Row } from '../../check/result.ts'
import { nature, service, worstFirst } from '../../formats/checked.ts'
import type { Anchors } from '../anchors.ts'
import { html, type Markup } from '../markup.ts'
import { chip, firewallSigns, lookOf, plural } from '../words.ts'

/** Every flow with what was expected and what was seen; what is as it must be, and what did not run, is folded. */
export function flowsSection(rows: readonly Row[], anchors: Anchors): Markup {
  const shut = rows.filter(({ flow, verdict }) => flow.expect === 'deny' && verdict === 'PASS')
  const skipped = rows.filter(({ verdict }) => verdict === 'SKIP')
  const shown = worstFirst(rows.filter((row) => !shut.includes(row) && !skipped.includes(row)))
  return html`<section aria-labelledby="flows"><h2 id="flows">The flows</h2>
${shown.length === 0 ? undefined : table('Needed flows, and forbidden ones that are not shut', shown, anchors)}
${folded(`${plural(shut.length, 'forbidden flow')}, shut as ${shut.length === 1 ? 'it' : 'they'} must be`, shut, anchors)}
${folded(`${plural(skipped.length, 'flow')} that did not run`, skipped, anchors)}
</section>`
}

function folded(title: string, rows: readonly Row[], anchors: Anchors): Markup | undefined {
  if (rows.length === 0) return undefined
  return html`<details class="card"><summary>${title}</summary>${table(title, rows, anchors, '')}</details>`
}

function table(title: string, rows: readonly Row[], anchors: Anchors, card = 'card '): Markup {
  return html`<div class="${card}scroll" role="region" aria-label="${title}" tabindex="0"><table class="rows">
<thead><tr><th scope="col">Flow</th><th scope="col"><abbr title="the firewalls on its path">FW</abbr></th><th scope="col">Why</th><th scope="col">Layers</th><th scope="col">Expected</th><th scope="col">Observed</th><th scope="col">Verdict</th></tr></thead>
<tbody>${rows.map((row) => line(row, anchors))}</tbody></table></div>`
}

const SIGNS = { pass: '✓', fail: '✕', skip: '–' } as const

function line(row: Row, anchors: Anchors): Markup {
  const { flow, layers, observed, verdict, note, seenAs, code } = row
  const seen = layers.map(
    ({ layer, result, note: told }) =>
      html`<span class="layer ${result}"${told === undefined ? undefined : html` title="${told}"`}>${layer} <span aria-hidden="true">${SIGNS[result]}</span><span class="unseen">${result}</span></span> `,
  )
  const more = [note, seenAs === undefined ? undefined : `seen there as ${seenAs}`, code].filter(
    (one) => one !== undefined,
  )
  const kind = nature(flow)
  const way = html`<span class="way">${flow.from.name} <code>${flow.from.address}</code> → ${flow.to.name} <code>${service(flow)}</code></span>`
  const why = html`${flow.why}${kind === '' ? undefined : html` <span class="quiet kind">${kind}</span>`}`
  const told = more.length === 0 ? undefined : html`<span class="note">${more.join(' · ')}</span>`
  return html`<tr id="${anchors.get(flow.id)}"><th scope="row"><code>${flow.id}</code>${way}</th><td>${firewallSigns(flow.firewalls)}</td><td class="why">${why}</td><td class="layers">${seen}</td><td>${flow.expect === 'allow' ? 'open' : 'not open'}</td><td>${verdict === 'SKIP' ? '–' : observed}</td><td>${chip(lookOf(row))}${told}</td></tr>`
}
