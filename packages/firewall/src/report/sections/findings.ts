import type { Finding } from '../../check/result.ts'
import { tcpdumpCommand } from '../../formats/tcpdump.ts'
import type { Anchors } from '../anchors.ts'
import { html, type Markup } from '../markup.ts'
import { firewallSigns } from '../words.ts'

const SIGNS = { leak: '!', blocked: '✕', unknown: '?', note: 'i' } as const
const MOST_LINKS = 12

/** What to change: one sentence for each cause, and a way to see it on the wire. */
export function findingsSection(findings: readonly Finding[], anchors: Anchors): Markup {
  if (findings.length === 0)
    return html`<section aria-labelledby="findings"><h2 id="findings">What to change</h2><p class="card quiet">Nothing.</p></section>`
  return html`<section aria-labelledby="findings"><h2 id="findings">What to change</h2>
<ol class="findings">${findings.map((finding) => card(finding, anchors))}</ol></section>`
}

function card(
  { code, level, sentence, capture, flows, firewalls }: Finding,
  anchors: Anchors,
): Markup {
  const shown = flows.slice(0, MOST_LINKS)
  const more = flows.length - shown.length
  const where = `firewall${firewalls.length > 1 ? 's' : ''} ${firewallSigns(firewalls)}`
  return html`<li class="card ${level}">
<p class="code"><span class="chip ${level}"><span class="sign" aria-hidden="true">${SIGNS[level]}</span> ${level}</span> <code>${code}</code>${firewalls.length === 0 ? undefined : html` <span class="at">${where}</span>`}
<span class="flows">${shown.map((id) => linkTo(id, anchors))}${more > 0 ? html` and ${more} more` : undefined}</span></p>
<p class="sentence">${sentence}</p>
${capture === '' ? undefined : html`<pre tabindex="0" aria-label="A command that shows these packets"><code>${tcpdumpCommand(capture)}</code></pre>`}
</li>`
}

/** A flow by its id, which leads to its row where there is one. */
export function linkTo(id: string, anchors: Anchors): Markup {
  const anchor = anchors.get(id)
  return anchor === undefined
    ? html`<code>${id}</code> `
    : html`<a href="#${anchor}"><code>${id}</code></a> `
}
