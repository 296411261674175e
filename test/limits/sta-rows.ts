import { setTimeout as delay } from 'node:timers/promises'
import { encodeRequestData, STA_PATH } from '@doublehop/wire/sta-messages'
import { httpPost } from '../kit/hop.ts'
import type { LimitRow } from '../kit/limit-rows.ts'
import type { LimitScene } from '../kit/limit-scene.ts'
import { answered, drip, told } from '../kit/stranger.ts'
import { handshakeRows } from './handshake-rows.ts'

const GET = `GET ${STA_PATH} HTTP/1.1\r\nHost: sta\r\n`

/** Every limit of the STA. */
export const STA: readonly LimitRow[] = [
  ...handshakeRows('sta'),
  {
    limit: 'sta.limits.request',
    set: { request: '700 ms' },
    client: 'sends a request byte by byte',
    gets: 'HTTP 408',
    code: 'DH_HANDSHAKE_DEADLINE',
    says: /the HTTP request was not finished within 0\.7 s/,
    alone: true,
    async beyond(scene) {
      const end = await scene.secure('sta')
      drip(end, Buffer.from(`${GET}X: x`))
      return await told(end)
    },
    async below(scene) {
      const end = await scene.secure('sta')
      end.say(GET)
      await delay(300)
      end.say('\r\n')
      return (await answered(end)) === 'HTTP 406' ? 'served' : 'an end'
    },
  },
  {
    limit: 'sta.limits.requestBytes',
    set: { requestBytes: '2 KiB' },
    client: 'redeems a ticket with a body of 2049 bytes',
    gets: 'HTTP 413',
    code: 'DH_HANDSHAKE_LENGTH',
    says: /the body of the HTTP request is longer than 2048 bytes/,
    alone: true,
    beyond: (scene) => redeemWith(scene, 2049),
    below: (scene) => redeemWith(scene, 2048),
  },
  {
    limit: 'sta.limits.connections',
    set: { connections: 2 },
    client: 'connects as the third one',
    gets: 'nothing',
    code: 'DH_LIMIT_SESSIONS',
    says: /the limit of 2 sessions is reached/,
    alone: true,
    beyond: (scene) => afterTwo(scene, '127.0.0.2'),
    below: (scene) => asked(scene, ['127.0.0.1', '127.0.0.2']),
  },
  {
    limit: 'sta.limits.connectionsPerSource',
    set: { connectionsPerSource: 2 },
    client: 'connects as the third one of its address',
    gets: 'nothing',
    code: 'DH_LIMIT_SOURCE',
    says: /has 2 sessions, and may have no more/,
    alone: true,
    beyond: (scene) => afterTwo(scene, '127.0.0.1'),
    below: (scene) => asked(scene, ['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.2']),
  },
]

async function redeemWith(scene: LimitScene, bytes: number): Promise<string> {
  const body = Buffer.from(encodeRequestData({ hex: 'A'.repeat(32) })).toString()
  const padded = body.replace('</RequestData>', `${' '.repeat(bytes - body.length)}</RequestData>`)
  const end = await scene.secure('sta')
  end.say(httpPost(padded))
  const got = await answered(end)
  end.destroy()
  return got === 'HTTP 200' ? 'served' : got
}

/** Connections that have asked once, and stay. */
async function asked(scene: LimitScene, sources: readonly string[]): Promise<string> {
  for (const from of sources) {
    const end = await scene.secure('sta', { from })
    end.say(`${GET}\r\n`)
    const got = await answered(end)
    if (got !== 'HTTP 406') return got
  }
  return 'served'
}

async function afterTwo(scene: LimitScene, from: string): Promise<string> {
  const both = await asked(scene, ['127.0.0.1', '127.0.0.1'])
  if (both !== 'served') return both
  return await told(await scene.secure('sta', { from }))
}
