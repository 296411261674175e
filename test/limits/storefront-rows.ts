import { setTimeout as delay } from 'node:timers/promises'
import { encodeResponseTicket } from '@doublehop/wire/sta-messages'
import { StaTicket } from '@doublehop/wire/ticket'
import type { LimitRow } from '../kit/limit-rows.ts'
import { LimitScene } from '../kit/limit-scene.ts'
import { answered, drip, told } from '../kit/stranger.ts'
import { httpAnswer } from '../kit/troubled-sta.ts'
import { handshakeRows } from './handshake-rows.ts'

/** What an STA answers that issues a ticket. */
const ISSUED = Buffer.from(encodeResponseTicket(new StaTicket('STA01', 'A'.repeat(32)))).toString()

/** Every limit of the storefront. */
export const STOREFRONT: readonly LimitRow[] = [
  ...handshakeRows('storefront'),
  {
    limit: 'storefront.limits.tlsHandshake',
    set: { tlsHandshake: '700 ms' },
    client: 'finishes TLS, and sends its PROXY header byte by byte',
    gets: 'nothing',
    code: 'DH_HANDSHAKE_DEADLINE',
    says: /the PROXY v2 header was not finished within 0\.7 s/,
    alone: true,
    async beyond(scene) {
      const end = await scene.secure('storefront')
      drip(end, Buffer.from('0d0a0d0a000d0a515549540a2111020000', 'hex'))
      return await told(end)
    },
    async below(scene) {
      const end = await scene.client('203.0.113.7', { tlsAfter: 300 })
      end.say(`GET /apps HTTP/1.1\r\nHost: x\r\n${scene.bearer}\r\n`)
      return (await answered(end)) === 'HTTP 200' ? 'served' : 'an end'
    },
  },
  {
    limit: 'storefront.limits.request',
    set: { request: '700 ms' },
    client: 'sends a request byte by byte',
    gets: 'HTTP 408',
    code: 'DH_HANDSHAKE_DEADLINE',
    says: /the HTTP request was not finished within 0\.7 s/,
    alone: true,
    async beyond(scene) {
      const end = await scene.client()
      drip(end, Buffer.from('GET /apps HTTP/1.1\r\nHost: x'))
      return await told(end)
    },
    async below(scene) {
      const end = await scene.client()
      end.say('GET /apps HTTP/1.1\r\nHost: x\r\n')
      await delay(300)
      end.say(`${scene.bearer}\r\n`)
      return (await answered(end)) === 'HTTP 200' ? 'served' : 'an end'
    },
  },
  {
    limit: 'storefront.limits.requestBytes',
    set: { requestBytes: '2 KiB' },
    client: 'asks for a ticket with a body of 2049 bytes',
    gets: 'HTTP 400',
    code: 'DH_HANDSHAKE_LENGTH',
    says: /the body of the HTTP request is longer than 2048 bytes/,
    beyond: (scene) => order(scene, 2049),
    below: (scene) => order(scene, 2048),
  },
  {
    limit: 'storefront.limits.staRequest',
    set: { staRequest: '700 ms' },
    client: 'asks for a ticket while the STA does not answer',
    gets: 'HTTP 503',
    code: 'DH_STA_TIMEOUT',
    says: /did not answer within 0\.7 s/,
    scene: (t, limits) => LimitScene.storefrontWith(t, limits, () => {}),
    beyond: (scene) => order(scene),
    async below(scene) {
      scene.trouble((socket) => setTimeout(() => socket.write(httpAnswer('200 OK', ISSUED)), 300))
      return await order(scene)
    },
  },
  {
    limit: 'storefront.limits.staAnswerBytes',
    set: { staAnswerBytes: `${ISSUED.length} B` },
    client: 'asks for a ticket, and the answer of the STA is a byte longer',
    gets: 'HTTP 503',
    code: 'DH_STA_ANSWER',
    says: new RegExp(`longer than ${ISSUED.length} bytes`),
    scene: (t, limits) =>
      LimitScene.storefrontWith(t, limits, (socket) =>
        socket.write(httpAnswer('200 OK', `${ISSUED} `)),
      ),
    beyond: (scene) => order(scene),
    async below(scene) {
      scene.trouble((socket) => socket.write(httpAnswer('200 OK', ISSUED)))
      return await order(scene)
    },
  },
  {
    limit: 'storefront.limits.sessions',
    set: { sessions: 2 },
    client: 'connects as the third one',
    gets: 'nothing',
    code: 'DH_LIMIT_SESSIONS',
    says: /the limit of 2 sessions is reached/,
    alone: true,
    beyond: (scene) => afterTwo(scene, '203.0.113.8'),
    below: (scene) => served(scene, ['203.0.113.7', '203.0.113.7']),
  },
  {
    limit: 'storefront.limits.sessionsPerSource',
    set: { sessionsPerSource: 2 },
    client: 'connects as the third one of its address',
    gets: 'nothing',
    code: 'DH_LIMIT_SOURCE',
    says: /has 2 sessions, and may have no more/,
    alone: true,
    beyond: (scene) => afterTwo(scene, '203.0.113.7'),
    below: (scene) => served(scene, ['203.0.113.7', '203.0.113.7', '203.0.113.8', '203.0.113.8']),
  },
  {
    limit: 'storefront.limits.failureDelay',
    set: { failureDelay: '1500 ms' },
    client: 'asks with a wrong token',
    gets: 'HTTP 401, after 1500 ms',
    code: 'nothing',
    alone: true,
    async beyond(scene) {
      const { got, milliseconds } = await ask(scene, 'Authorization: Bearer guessed\r\n')
      return milliseconds >= 1490 ? `${got}, after 1500 ms` : `${got}, after ${milliseconds} ms`
    },
    async below(scene) {
      const guessing = ask(scene, 'Authorization: Bearer guessed\r\n')
      const { got, milliseconds } = await ask(scene, scene.bearer)
      await guessing
      return got === 'HTTP 200' && milliseconds < 1400 ? 'served' : `${got}, ${milliseconds} ms`
    },
  },
]

async function ask(scene: LimitScene, headers: string) {
  const end = await scene.client()
  const since = performance.now()
  end.say(`GET /apps HTTP/1.1\r\nHost: x\r\n${headers}\r\n`)
  const got = await answered(end)
  end.destroy()
  return { got, milliseconds: performance.now() - since }
}

/** Asks for a ticket. @param bytes of the body: blanks around JSON mean nothing */
async function order(scene: LimitScene, bytes = 14): Promise<string> {
  const end = await scene.client()
  const body = '{"app":"echo"}'.padEnd(bytes)
  const head = 'POST /tickets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
  end.say(`${head}${scene.bearer}Content-Length: ${body.length}\r\n\r\n${body}`)
  const got = await answered(end)
  end.destroy()
  return got === 'HTTP 201' ? 'served' : got
}

/** Connections of these clients that have asked once, and stay. */
async function served(scene: LimitScene, clients: readonly string[]): Promise<string> {
  for (const client of clients) {
    const end = await scene.client(client)
    end.say(`GET /apps HTTP/1.1\r\nHost: x\r\n${scene.bearer}\r\n`)
    const got = await answered(end)
    if (got !== 'HTTP 200') return got
  }
  return 'served'
}

async function afterTwo(scene: LimitScene, client: string): Promise<string> {
  const both = await served(scene, ['203.0.113.7', '203.0.113.7'])
  if (both !== 'served') return both
  return await told(await scene.client(client))
}
