import type { Zone } from '@doublehop/settings/zones'
import type { ListenResult } from '../check/result.ts'
import { type Listening, placeText } from './listen.ts'

/** What a run has got, as `report` reads it. @param started when it began, in ms since 1970 */
export function listenResultOf(listening: Listening, zone: Zone, started: number): ListenResult {
  const { places, arrivals, givenUp } = listening
  return {
    doublehop: 'listen',
    version: 1,
    zone,
    started: new Date(started).toISOString(),
    seconds: Math.max(0, Date.now() - started) / 1000,
    listeners: places
      .filter(({ state }) => state === 'listening')
      .map((place) => ({ protocol: place.protocol, at: placeText(place) })),
    arrivals: [...arrivals],
    ...(givenUp > 0 && { givenUp }),
  }
}
