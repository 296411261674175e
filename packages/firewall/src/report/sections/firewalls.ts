import type { Row } from '../../check/result.ts'
import { FIREWALLS, type Firewall } from '../../flows/paths.ts'
import type { Anchors } from '../anchors.ts'
import { html, type Markup } from '../markup.ts'
import { FIREWALL_SIGNS, plural } from '../words.ts'
import { linkTo } from './findings.ts'

const JOINS: Readonly<Record<Firewall, string>> = {
  1: 'joins the internet, the LAN’s line to it, and DMZ 1',
  2: 'joins DMZ 1 and DMZ 2',
  3: 'joins DMZ 2, the internal network and the LAN',
}

/** Each firewall with what it does right, and what it does not. */
export function firewallsSection(rows: readonly Row[], anchors: Anchors): Markup {
  return html`<section aria-labelledby="firewalls"><h2 id="firewalls">The firewalls</h2>
<ul class="firewalls">${FIREWALLS.map((firewall) => card(firewall, rows, anchors))}</ul></section>`
}

function card(firewall: Firewall, rows: readonly Row[], anchors: Anchors): Markup {
  const own = rows.filter(
    ({ flow, verdict }) => flow.firewalls.includes(firewall) && verdict !== 'SKIP',
  )
  const of = (verdict: Row['verdict'], expect?: 'allow' | 'deny') =>
    own.filter((row) => row.verdict === verdict && (expect ?? row.flow.expect) === row.flow.expect)
  const blocked = of('BLOCKED')
  const leaks = of('LEAK')
  const style =
    leaks.length > 0 ? 'leak' : blocked.length > 0 ? 'blocked' : own.length > 0 ? 'pass' : 'skip'
  const list = (title: string, bad: readonly Row[], look: string) =>
    bad.length === 0
      ? undefined
      : html`<p><strong class="${look}">${title}</strong> ${bad.slice(0, 8).map(({ flow }) => linkTo(flow.id, anchors))}${bad.length > 8 ? html`and ${bad.length - 8} more` : undefined}</p>`
  return html`<li class="card ${style}"><h3><span aria-hidden="true">${FIREWALL_SIGNS[firewall]}</span> Firewall ${firewall}</h3>
<p class="quiet">${JOINS[firewall]}</p>
<p>${own.length === 0 ? 'No flow through it was checked.' : `${plural(of('PASS', 'allow').length, 'needed flow')} let through, ${plural(of('PASS', 'deny').length, 'forbidden flow')} shut.`}</p>
${list('Lets through:', leaks, 'leak')}${list('Blocks:', blocked, 'blocked')}</li>`
}
