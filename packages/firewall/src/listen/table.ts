import type { Zone } from '@doublehop/settings/zones'
import type { Arrival } from '../check/result.ts'
import { type OpenedPlace, placeText } from './listen.ts'

const SAID: Record<OpenedPlace['state'], string> = {
  listening: 'listening',
  'daemon there': 'a daemon is there',
  'on another host': 'on another host',
  'no right': 'needs the right to bind ports below 1024 (root, or CAP_NET_BIND_SERVICE)',
  failed: 'cannot be opened',
}
const COLUMNS = { time: 12, from: 24, at: 24, state: 9 }

/** What is waited at, and what is not and why, for people. */
export function placesTable(zone: Zone, places: readonly OpenedPlace[]): string {
  const waiting = places.filter(({ state }) => state === 'listening').length
  const width = Math.max(0, ...places.map((place) => at(place).length))
  const names = Math.max(0, ...places.map(({ name }) => name.length))
  const lines = places.map((place) => {
    const said = place.state === 'failed' ? `${SAID.failed} (${place.code})` : SAID[place.state]
    return `  ${at(place).padEnd(width)}  ${place.name.padEnd(names)}  ${said}\n`
  })
  return `zone ${zone} · listening at ${waiting} of ${places.length} places\n${lines.join('')}`
}

/** The head over arrivals. */
export function arrivalHead(): string {
  return row('TIME', 'FROM', 'AT', 'STATE', '')
}

/** An arrival, in one line. */
export function arrivalLine({ time, from, at, protocol, state, nonce }: Arrival): string {
  const note =
    state === 'half-open' ? 'the answer is lost on its way back' : nonce && `nonce ${nonce}`
  return row(time.slice(11, 23), from, `${at}/${protocol}`, state, note ?? '')
}

function row(time: string, from: string, at: string, state: string, note: string): string {
  const { time: t, from: f, at: a, state: s } = COLUMNS
  return `${time.padEnd(t)}  ${from.padEnd(f)}  ${at.padEnd(a)}  ${state.padEnd(s)}  ${note}`.trimEnd()
}

function at(place: OpenedPlace): string {
  return `${placeText(place)}/${place.protocol}`
}
