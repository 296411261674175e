import type { Joined } from '../join.ts'
import { html, type Markup } from '../markup.ts'
import { moment } from '../moment.ts'
import { ZONE_TITLES } from '../words.ts'

/** Who was asked: each check and each listener, and the zones that nobody checked. */
export function runsSection({ zones, listens, missing }: Joined): Markup {
  const checks = zones.map(({ zone, from, started, seconds, rows, timeoutSeconds }) => {
    const ran = rows.filter(({ verdict }) => verdict !== 'SKIP').length
    return html`<tr><th scope="row">${ZONE_TITLES[zone]}</th><td>check, from ${from.map((one) => html`<code>${one}</code> `)}</td><td>${moment(started)}</td><td>${seconds.toFixed(1)} s</td><td>${ran} of ${rows.length} flows, silence believed after ${timeoutSeconds} s</td></tr>`
  })
  const listeners = listens.map(
    ({ zone, started, seconds, listeners: own, arrivals }) =>
      html`<tr><th scope="row">${ZONE_TITLES[zone]}</th><td>listen, at ${own.slice(0, 8).map(({ at }) => html`<code>${at}</code> `)}${own.length > 8 ? html`and ${own.length - 8} more` : undefined}</td><td>${moment(started)}</td><td>${seconds.toFixed(1)} s</td><td>${arrivals.length} arrived</td></tr>`,
  )
  const away = missing.map(
    (zone) =>
      html`<tr class="away"><th scope="row">${ZONE_TITLES[zone]}</th><td colspan="4">not checked: run <code>doublehop check --zone ${zone}</code> there</td></tr>`,
  )
  return html`<section aria-labelledby="runs"><h2 id="runs">Where this comes from</h2>
<div class="card scroll" role="region" aria-labelledby="runs" tabindex="0"><table class="rows"><thead><tr><th scope="col">Zone</th><th scope="col">What ran</th><th scope="col">Started</th><th scope="col">Took</th><th scope="col">Result</th></tr></thead><tbody>${checks}${listeners}${away}</tbody></table></div></section>`
}
