import type { Row } from '../../check/result.ts'
import type { Joined } from '../join.ts'
import { html, type Markup } from '../markup.ts'
import { moment } from '../moment.ts'
import { ZONE_TITLES } from '../words.ts'

const MOST = 200

/** Which source addresses arrived: what daemons and `doublehop listen` saw. Translation becomes visible here. */
export function sourcesSection({ zones, listens, rows }: Joined): Markup | undefined {
  const sessions = zones.flatMap(({ zone, sessions: own }) => own.map((one) => ({ zone, ...one })))
  const arrivals = listens.flatMap(({ zone, arrivals: own }) =>
    own.map((one) => ({ zone, ...one })),
  )
  if (sessions.length === 0 && arrivals.length === 0) return undefined
  const known = new Map(rows.map(({ flow }) => [flow.from.address, flow.from.name]))
  const table = (title: string, heads: readonly string[], lines: readonly Markup[]) =>
    lines.length === 0
      ? undefined
      : html`<h3>${title}</h3><div class="card scroll" role="region" aria-label="${title}" tabindex="0"><table class="rows"><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>${lines.slice(0, MOST)}</tbody></table>${lines.length > MOST ? html`<p>${lines.length - MOST} more are in the files.</p>` : undefined}</div>`
  return html`<section aria-labelledby="sources"><h2 id="sources">Source addresses as they arrived</h2>
${table(
  'Sessions of daemons',
  ['Zone', 'Daemon', 'Came from', 'Who', 'Went to'],
  sessions.map(
    ({ zone, daemon, peer, peerName, server }) =>
      html`<tr><td>${ZONE_TITLES[zone]}</td><th scope="row">${daemon}</th><td><code>${peer}</code></td><td>${whose(peer, known, isPublic(daemon, rows), peerName)}</td><td>${server === undefined ? undefined : html`<code>${server}</code>`}</td></tr>`,
  ),
)}
${table(
  'Arrivals at doublehop listen',
  ['Zone', 'At', 'Came from', 'Who', 'What', 'When'],
  arrivals.map(
    ({ zone, at, from, state, time }) =>
      html`<tr><td>${ZONE_TITLES[zone]}</td><th scope="row"><code>${at}</code></th><td><code>${from}</code></td><td>${whose(from, known, false)}</td><td>${WORDS[state]}</td><td>${moment(time)}</td></tr>`,
  ),
)}</section>`
}

const WORDS = {
  connected: 'connected',
  'half-open': 'asked, and the answer was lost',
  datagram: 'datagram',
} as const

function whose(
  place: string,
  known: ReadonlyMap<string, string>,
  anyone: boolean,
  peerName?: string,
): Markup {
  const name = known.get(hostOf(place))
  const told = peerName === undefined ? undefined : html` <span class="quiet">${peerName}</span>`
  if (name !== undefined) return html`${name}${told}`
  if (anyone) return html`somebody${told}`
  return html`<strong class="unknown">an address of no host: translated on the way?</strong>${told}`
}

/** Whom people reach sees addresses that no configuration knows; so may one of whom these checks know no caller. */
function isPublic(daemon: string, rows: readonly Row[]): boolean {
  const callers = rows
    .filter(({ flow }) => flow.expect === 'allow' && flow.to.name === daemon)
    .map(({ flow }) => flow.from.zone)
    .filter((zone) => zone !== 'management')
  return callers.length === 0 || callers.some((zone) => zone === 'internet' || zone === 'lan')
}

function hostOf(place: string): string {
  return place.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
}
