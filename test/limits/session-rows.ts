import { setTimeout as delay } from 'node:timers/promises'
import type { Ticket } from '@doublehop/wire/ticket'
import type { LimitRow } from '../kit/limit-rows.ts'
import type { LimitScene, Limits } from '../kit/limit-scene.ts'
import { told } from '../kit/stranger.ts'

/** What gateway and proxy limit in the same way, but for who is the source: the client at one, the gateway at the other. */
export function sessionRows(kind: 'gateway' | 'proxy'): LimitRow[] {
  const turnedAway = kind === 'gateway' ? 'nothing' : 'reply 04'
  const more: Limits = kind === 'proxy' ? { gateway: { redeemAt: 'proxy' } } : {}
  return [
    {
      limit: `${kind}.limits.idle`,
      set: { idle: '700 ms' },
      client: 'says nothing in its session',
      gets: 'nothing',
      code: 'idle-timeout',
      beyond: async (scene) => await told(await scene.session()),
      async below(scene) {
        const end = await scene.session()
        for (let turn = 0; turn < 5; turn++) {
          await delay(250)
          end.say('.')
        }
        await end.until(() => end.heard.length >= 5 || end.ended || end.closed)
        return end.heard.toString() === '.....' ? 'served' : 'an end'
      },
    },
    {
      limit: `${kind}.limits.sessions`,
      set: { sessions: 2 },
      client: 'launches as the third one',
      gets: turnedAway,
      code: 'DH_LIMIT_SESSIONS',
      says: /the limit of 2 sessions is reached/,
      beyond: (scene) => oneTooMany(scene),
      below: (scene) => asManyAsAllowed(scene),
    },
    {
      limit: `${kind}.limits.sessionsPerSource`,
      set: { sessionsPerSource: 2 },
      client: `launches as the third one of its ${kind === 'gateway' ? 'address' : 'gateway'}`,
      gets: turnedAway,
      code: 'DH_LIMIT_SOURCE',
      says: /has 2 sessions, and may have no more/,
      beyond: (scene) => oneTooMany(scene),
      async below(scene) {
        const [other] = await ticketsFor(scene, 1)
        const got = await asManyAsAllowed(scene)
        if (kind === 'proxy' || other === undefined) return got
        return await scene.fate(await scene.launch(other, { from: '127.0.0.2' }))
      },
    },
    {
      limit: `${kind}.limits.failureDelay`,
      set: { failureDelay: '1500 ms' },
      client: 'launches with a ticket that nobody has issued',
      gets: 'reply 02, after 1500 ms',
      code: 'DH_TICKET_UNKNOWN',
      more,
      async beyond(scene) {
        const { got, milliseconds } = await timed(scene, scene.wrongTicket())
        return milliseconds >= 1490 ? `${got}, after 1500 ms` : `${got}, after ${milliseconds} ms`
      },
      async below(scene) {
        const good = await scene.ticket()
        const guessing = timed(scene, scene.wrongTicket())
        const { got, milliseconds } = await timed(scene, good)
        await guessing
        return milliseconds < 1400 ? got : `${got}, after ${milliseconds} ms`
      },
    },
  ]
}

async function timed(scene: LimitScene, ticket: Parameters<LimitScene['launch']>[0]) {
  const since = performance.now()
  const got = await scene.fate(await scene.launch(ticket))
  return { got, milliseconds: performance.now() - since }
}

/** Tickets, and nothing left of the connections that they came by: HTTP takes places as well. */
async function ticketsFor(scene: LimitScene, count: number): Promise<Ticket[]> {
  const tickets: Ticket[] = []
  while (tickets.length < count) {
    tickets.push(await scene.ticket())
    await scene.empty()
  }
  return tickets
}

async function oneTooMany(scene: LimitScene): Promise<string> {
  const [third, ...tickets] = await ticketsFor(scene, 3)
  const ends = []
  for (const ticket of tickets) {
    const end = await scene.launch(ticket)
    const got = await scene.fate(end)
    if (got !== 'served') return `the ${ends.length + 1}. one got ${got}`
    ends.push(end)
  }
  const got = third && (await scene.fate(await scene.launch(third)))
  for (const end of ends) end.destroy()
  return got ?? ''
}

async function asManyAsAllowed(scene: LimitScene): Promise<string> {
  let got = ''
  for (const ticket of await ticketsFor(scene, 2)) {
    got = await scene.fate(await scene.launch(ticket))
    if (got !== 'served') return got
  }
  return got
}
