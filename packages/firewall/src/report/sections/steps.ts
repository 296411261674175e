import { STEPS, type StepName } from '@doublehop/daemon/steps'
import type { Row } from '../../check/result.ts'
import type { Anchors } from '../anchors.ts'
import { html, type Markup } from '../markup.ts'
import { lookOf } from '../words.ts'

const WORDS: Readonly<Record<StepName, string>> = {
  ticket: 'the workspace sends its ticket to the gateway',
  'sta-connect': 'the gateway connects through the proxy to the STA',
  redeem: 'the proxy passes the ticket to the STA',
  resolve: 'the server’s address comes back to the gateway',
  connect: 'the gateway sends the address to the proxy',
  dial: 'the proxy connects to the server',
  answer: 'the server’s answer comes back to the gateway',
  accept: 'the gateway completes the client’s handshake',
  splice: 'bytes flow between workspace and server',
}

interface State {
  readonly style: 'pass' | 'blocked' | 'unknown' | 'skip'
  readonly sign: string
  readonly word: string
}

/** Which of the nine steps have the flows they need, and where a launch would stop. */
export function stepsSection(rows: readonly Row[], anchors: Anchors): Markup {
  const items = STEPS.map((name, index) => {
    const own = flowsOf(rows, index)
    const before = STEPS.slice(0, index).map((_, earlier) => flowsOf(rows, earlier))
    return item(index + 1, name, own, stateOf(own, before), anchors)
  })
  return html`<section aria-labelledby="steps"><h2 id="steps">The nine steps of a launch</h2>
<div class="card scroll" role="region" aria-labelledby="steps" tabindex="0"><table class="steps"><thead><tr><th scope="col">Step</th><th scope="col">What happens</th><th scope="col">Flows</th><th scope="col">State</th></tr></thead><tbody>${items}</tbody></table></div></section>`
}

/** The flows that a step needs. @param index of the step, from 0 */
function flowsOf(rows: readonly Row[], index: number): readonly Row[] {
  return rows.filter(({ flow }) => flow.expect === 'allow' && flow.steps.includes(index + 1))
}

function stateOf(rows: readonly Row[], before: readonly (readonly Row[])[]): State {
  const ran = rows.filter(hasRun)
  const blocked = ran.filter(isBlocked)
  const all = blocked.length === ran.length
  if (before.some(stopsAll)) {
    return blocked.length > 0
      ? { style: 'blocked', sign: '✕', word: 'not reached, and blocked' }
      : { style: 'skip', sign: '–', word: 'not reached' }
  }
  if (ran.length === 0) return { style: 'skip', sign: '–', word: 'not checked' }
  if (blocked.some((row) => !before.flat().includes(row)))
    return { style: 'blocked', sign: '✕', word: `${all ? '' : 'some '}launches stop here` }
  if (blocked.length > 0) return { style: 'blocked', sign: '✕', word: 'not reached by some' }
  if (ran.some(({ verdict }) => verdict === 'UNKNOWN'))
    return { style: 'unknown', sign: '?', word: 'no verdict' }
  return { style: 'pass', sign: '✓', word: 'stands' }
}

/** No launch gets beyond a step of which every flow is blocked. */
function stopsAll(rows: readonly Row[]): boolean {
  const ran = rows.filter(hasRun)
  return ran.length > 0 && ran.every(isBlocked)
}

function hasRun({ verdict }: Row): boolean {
  return verdict !== 'SKIP'
}

function isBlocked({ verdict }: Row): boolean {
  return verdict === 'BLOCKED'
}

function item(
  number: number,
  name: StepName,
  rows: readonly Row[],
  { style, sign, word }: State,
  anchors: Anchors,
): Markup {
  const flows = rows.map((row) => {
    const look = lookOf(row)
    return html`<a class="pill ${look.style}" href="#${anchors.get(row.flow.id)}"><span class="sign" aria-hidden="true">${look.sign}</span> ${row.flow.id}<span class="unseen"> ${look.word}</span></a> `
  })
  return html`<tr><th scope="row"><span class="number ${style}">${number}</span> ${name}</th><td>${WORDS[name]}</td><td>${flows}</td><td><span class="chip ${style}"><span class="sign" aria-hidden="true">${sign}</span> ${word}</span></td></tr>`
}
