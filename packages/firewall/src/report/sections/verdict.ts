import { ZONES } from '@doublehop/settings/zones'
import type { Row } from '../../check/result.ts'
import { countsOf } from '../../formats/checked.ts'
import type { Joined } from '../join.ts'
import { html, type Markup } from '../markup.ts'
import { moment } from '../moment.ts'
import { enumerated, lookOfVerdict, plural, ZONE_TITLES } from '../words.ts'

/** The answer in one line, when and from where it was found, and what it does not cover. */
export function verdictSection(joined: Joined): Markup {
  const { verdict, zones, missing, rows } = joined
  const { style, sign } = lookOfVerdict(verdict)
  const needed = rows.filter(({ flow }) => flow.expect === 'allow')
  const forbidden = rows.filter(({ flow }) => flow.expect === 'deny')
  const seen = new Set(zones.map(({ zone }) => zone))
  const from = enumerated(ZONES.filter((zone) => seen.has(zone)).map((zone) => ZONE_TITLES[zone]))
  const away = enumerated(missing.map((zone) => ZONE_TITLES[zone]))
  return html`<section class="verdict ${style}" aria-labelledby="verdict">
<span class="seal" aria-hidden="true">${sign}</span>
<div><h1 id="verdict">${headline(joined)}</h1>
<p>${zones.length === 0 ? 'No zone was checked.' : `Checked from ${from}, ${times(joined)}.`}${missing.length === 0 ? undefined : html` <strong class="away">Not checked: ${away}.</strong>`}</p></div>
<dl>
${tile('Needed flows', passing(needed), ran(needed), 'pass')}
${tile('Forbidden flows', passing(forbidden), ran(forbidden), 'shut')}
${tile('Leaks', countsOf(rows).LEAK, undefined, 'leak')}
${tile('Blocked', countsOf(rows).BLOCKED, undefined, 'blocked')}
${tile('No verdict', countsOf(rows).UNKNOWN, undefined, 'unknown')}
${tile('Not run', countsOf(rows).SKIP, undefined, 'skip')}
</dl></section>`
}

function headline({ verdict, rows, missing }: Joined): string {
  const { LEAK, BLOCKED, UNKNOWN, PASS } = countsOf(rows)
  const needed = rows.filter(({ flow }) => flow.expect === 'allow').length
  const blocked = `${BLOCKED} of ${plural(needed, 'needed flow')} ${BLOCKED === 1 ? 'is' : 'are'} blocked`
  const leaks = `${plural(LEAK, 'forbidden flow')} ${LEAK === 1 ? 'gets' : 'get'} through`
  switch (verdict) {
    case 'LEAK':
      return BLOCKED === 0 ? leaks : `${leaks}, and ${blocked}`
    case 'BLOCKED':
      return blocked
    case 'UNKNOWN':
      return UNKNOWN === 0
        ? 'The flows are as they must be; what lies behind them is not'
        : `No verdict on ${plural(UNKNOWN, 'flow')}; nothing else is wrong`
    case 'PASS':
      return missing.length === 0
        ? `All ${plural(PASS, 'flow')} are as they must be`
        : `${plural(PASS, 'flow')} as they must be, and zones left to check`
    case 'SKIP':
      return 'Nothing was checked'
  }
}

function times({ zones }: Joined): string {
  const started = zones.map((zone) => zone.started).toSorted()
  const [first = '', last = ''] = [started[0], started.at(-1)].map((one) => moment(one ?? ''))
  return first === last ? first : `${first} to ${last}`
}

function ran(rows: readonly Row[]): number {
  return rows.filter(({ verdict }) => verdict !== 'SKIP').length
}

function passing(rows: readonly Row[]): number {
  return rows.filter(({ verdict }) => verdict === 'PASS').length
}

function tile(name: string, count: number, of: number | undefined, style: string): Markup {
  const quiet = of === undefined && count === 0
  const rest = of === undefined ? undefined : html`<small> of ${of} ${style}</small>`
  return html`<div class="${quiet ? 'none' : style}"><dt>${name}</dt><dd>${count}${rest}</dd></div>`
}
