import type { DeepResult, DeepTestResult } from '../../check/deep-result.ts'
import type { Anchors } from '../anchors.ts'
import { html, type Markup } from '../markup.ts'
import { chip, firewallSigns, type Look } from '../words.ts'
import { linkTo } from './findings.ts'

const LOOKS: Readonly<Record<DeepTestResult['result'], Look>> = {
  pass: { style: 'pass', sign: '✓', word: 'passes' },
  fail: { style: 'blocked', sign: '✕', word: 'fails' },
  skip: { style: 'skip', sign: '–', word: 'not run' },
}

/** What a port test cannot see: sessions cut when idle, segments lost, bytes changed. */
export function deepSection(deep: readonly DeepResult[], anchors: Anchors): Markup | undefined {
  if (deep.length === 0) return undefined
  return html`<section aria-labelledby="deep"><h2 id="deep">Beyond open ports</h2>
<div class="card scroll" role="region" aria-labelledby="deep" tabindex="0"><table class="rows"><thead><tr><th scope="col">Flow</th><th scope="col"><abbr title="the firewalls on its path">FW</abbr></th><th scope="col">Test</th><th scope="col">What was found</th><th scope="col">Verdict</th></tr></thead>${deep.map((one) => body(one, anchors))}</table></div></section>`
}

function body({ flow, route, firewalls, tests, note }: DeepResult, anchors: Anchors): Markup {
  const head = (rows: number) =>
    html`<th scope="rowgroup" rowspan="${rows}">${linkTo(flow, anchors)}<span class="way"><code>${route}</code></span></th><td rowspan="${rows}">${firewallSigns(firewalls)}</td>`
  if (tests.length === 0)
    return html`<tbody><tr>${head(1)}<td>–</td><td>${note}</td><td>${chip(LOOKS.skip)}</td></tr></tbody>`
  const lines = tests.map(
    ({ test, result, sentence, code }, index) =>
      html`<tr>${index === 0 ? head(tests.length) : undefined}<td>${test}</td><td>${sentence}</td><td>${chip(LOOKS[result])}${code === undefined ? undefined : html`<span class="note">${code}</span>`}</td></tr>`,
  )
  return html`<tbody>${lines}</tbody>`
}
