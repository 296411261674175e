import { setTimeout as delay } from 'node:timers/promises'
import { ICA_GREETING } from '@doublehop/wire/ica-greeting'
import type { End } from '../kit/ends.ts'
import type { LimitRow } from '../kit/limit-rows.ts'
import type { LimitScene } from '../kit/limit-scene.ts'
import { drip, told } from '../kit/stranger.ts'

const GREETING = Buffer.from(ICA_GREETING).toString('hex')

/** Every limit of the VDA. */
export const VDA: readonly LimitRow[] = [
  {
    limit: 'vda.limits.greeting',
    set: { greeting: '700 ms' },
    client: 'answers the greeting of 1494 byte by byte, and not to its end',
    gets: 'the greeting, and its end',
    code: 'DH_HANDSHAKE_DEADLINE',
    says: /the ICA greeting was not finished within 0\.7 s/,
    alone: true,
    async beyond(scene) {
      const end = await scene.bare('vda')
      drip(end, ICA_GREETING.subarray(0, 5), 200)
      const got = await told(end)
      return got === GREETING ? 'the greeting, and its end' : got
    },
    async below(scene) {
      const end = await scene.bare('vda')
      await delay(300)
      end.say(ICA_GREETING)
      return await echoes(end, GREETING.length / 2)
    },
  },
  {
    limit: 'vda.limits.sessions',
    set: { sessions: 2 },
    client: 'connects as the third one, to whichever port',
    gets: 'nothing',
    code: 'DH_LIMIT_SESSIONS',
    says: /the limit of 2 sessions is reached/,
    alone: true,
    async beyond(scene) {
      const both = await oneOfEach(scene)
      const third = [await told(await cgp(scene)), await told(await scene.bare('vda'))]
      return both === 'served' && third[0] === third[1] ? (third[0] ?? '') : third.join()
    },
    below: (scene) => oneOfEach(scene),
  },
]

/** A session at each port. */
async function oneOfEach(scene: LimitScene): Promise<string> {
  const first = await echoes(await cgp(scene), 0)
  const ica = await scene.bare('vda')
  ica.say(ICA_GREETING)
  const second = await echoes(ica, GREETING.length / 2)
  return first === second ? first : `${first}, ${second}`
}

function cgp(scene: LimitScene) {
  return scene.bare('vda', {}, 'echo.cgp')
}

/** @param before how many bytes come before the echo */
async function echoes(end: End, before: number): Promise<string> {
  end.say('echo')
  await end.until(() => end.heard.length >= before + 4 || end.ended || end.closed)
  return end.heard.subarray(before).toString() === 'echo' ? 'served' : 'an end'
}
