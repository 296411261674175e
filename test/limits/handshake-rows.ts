import { shownBy } from '../kit/ask-admin.ts'
import type { Kind } from '../kit/house.ts'
import type { LimitRow } from '../kit/limit-rows.ts'
import type { LimitScene } from '../kit/limit-scene.ts'
import { drip, ENDLESS_HELLO, told } from '../kit/stranger.ts'
import { until } from '../kit/wait.ts'

/** What every daemon with TLS limits in the same way. */
export function handshakeRows(kind: Exclude<Kind, 'vda'>): LimitRow[] {
  return [
    {
      limit: `${kind}.limits.handshakes`,
      set: { handshakes: 3 },
      client: 'a fourth one connects and says nothing',
      gets: 'the oldest gets nothing and its end',
      code: 'DH_LIMIT_HANDSHAKES',
      says: /the oldest of 3 unfinished handshakes in all gave way/,
      alone: true,
      beyond: (scene) =>
        oldestOf(scene, kind, ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4']),
      below: (scene) => allStay(scene, kind, ['127.0.0.1', '127.0.0.2', '127.0.0.3']),
    },
    {
      limit: `${kind}.limits.handshakesPerSource`,
      set: { handshakesPerSource: 2 },
      client: 'a third one of its address connects and says nothing',
      gets: 'the oldest gets nothing and its end',
      code: 'DH_LIMIT_HANDSHAKES',
      says: /the oldest of 2 unfinished handshakes of one source gave way/,
      alone: true,
      beyond: (scene) => oldestOf(scene, kind, ['127.0.0.1', '127.0.0.1', '127.0.0.1']),
      below: (scene) => allStay(scene, kind, ['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.2']),
    },
    {
      limit: `${kind}.limits.tlsHandshake`,
      set: { tlsHandshake: '700 ms' },
      client: 'says a byte of a ClientHello every 50 ms',
      gets: 'nothing',
      code: 'DH_TLS_HANDSHAKE',
      says: /not finished within 0\.7 s/,
      alone: true,
      async beyond(scene) {
        const end = await scene.bare(kind)
        drip(end, ENDLESS_HELLO)
        return await told(end)
      },
      async below(scene) {
        const end = await scene.secure(kind, { tlsAfter: 300 })
        return end.closed ? 'an end' : 'served'
      },
    },
  ]
}

async function silentFrom(scene: LimitScene, kind: Kind, sources: readonly string[]) {
  const ends = []
  for (const from of sources) {
    ends.push(await scene.bare(kind, { from }))
  }
  return ends
}

async function oldestOf(scene: LimitScene, kind: Kind, sources: readonly string[]) {
  const [oldest, ...others] = await silentFrom(scene, kind, sources)
  const got = oldest && (await told(oldest))
  const cut = others.filter(({ ended, closed }) => ended || closed).length
  for (const end of others) end.destroy()
  return cut > 0 ? `${cut} others were cut as well` : `the oldest gets ${got} and its end`
}

/** Who is cut is cut when the next one is accepted, so once all are shown none will be. */
async function allStay(scene: LimitScene, kind: Kind, sources: readonly string[]) {
  const ends = await silentFrom(scene, kind, sources)
  await until(
    () => shownBy(scene.daemon(kind).at.admin),
    ({ handshakes }) => handshakes.length === sources.length,
  )
  return ends.some(({ ended, closed }) => ended || closed) ? 'cut' : 'served'
}
