import { setTimeout as delay } from 'node:timers/promises'
import { concat } from '@doublehop/wire/conversation'
import { encodeRequestData, STA_PATH } from '@doublehop/wire/sta-messages'
import type { End } from '../kit/ends.ts'
import { SOCKS_GREETING, socksRequest } from '../kit/flights.ts'
import { httpPost, openRelay, redemption, SESSION } from '../kit/hop.ts'
import type { LimitRow } from '../kit/limit-rows.ts'
import { LimitScene } from '../kit/limit-scene.ts'
import { drip, leaves, told } from '../kit/stranger.ts'
import { handshakeRows } from './handshake-rows.ts'
import { sessionRows } from './session-rows.ts'

/** Every limit of the proxy. */
export const PROXY: readonly LimitRow[] = [
  ...handshakeRows('proxy'),
  {
    limit: 'proxy.limits.hopIdle',
    set: { hopIdle: '700 ms' },
    client: 'connects and says nothing',
    gets: 'nothing',
    code: 'DH_HANDSHAKE_DEADLINE',
    says: /the wait for a first byte was not finished within 0\.7 s/,
    alone: true,
    beyond: async (scene) => await told(await scene.secure('proxy')),
    async below(scene) {
      const end = await scene.secure('proxy')
      await delay(300)
      return await greeted(end, 'at once')
    },
  },
  {
    limit: 'proxy.limits.greeting',
    set: { greeting: '700 ms' },
    client: 'greets by SOCKS and names its methods byte by byte',
    gets: 'nothing',
    code: 'DH_HANDSHAKE_DEADLINE',
    says: /the SOCKS request was not finished within 0\.7 s/,
    alone: true,
    async beyond(scene) {
      const end = await scene.secure('proxy')
      drip(end, Uint8Array.of(5, 255, 1))
      return await told(end)
    },
    below: async (scene) => await greeted(await scene.secure('proxy'), 'in two pieces'),
  },
  {
    limit: 'proxy.limits.earlyData',
    set: { earlyData: '64 KiB', dial: '20 s' },
    client: 'says 24 MB before its destination is reached',
    gets: 'is not read from until it is, and loses nothing',
    code: 'nothing',
    scene: LimitScene.proxyBeforeQueue,
    beyond: (scene) => early(scene, 24_000_000),
    async below(scene) {
      const got = await early(scene, 60_000)
      return got === 'is read from, and loses nothing' ? 'served' : got
    },
  },
  {
    limit: 'proxy.limits.staRequest',
    set: { staRequest: '700 ms' },
    client: 'redeems a ticket while the STA does not answer',
    gets: 'HTTP 504',
    code: 'DH_STA_TIMEOUT',
    says: /did not answer within 0\.7 s/,
    beyond: (scene) => redeemWhileHeld(scene),
    below: (scene) => redeemWhileHeld(scene, 300),
  },
  {
    limit: 'proxy.limits.staRequest',
    set: { staRequest: '700 ms' },
    client: 'asks for an STA, and its request comes byte by byte',
    gets: 'HTTP 408',
    code: 'DH_HANDSHAKE_DEADLINE',
    says: /the HTTP request was not finished within 0\.7 s/,
    async beyond(scene) {
      const relay = await openRelay(scene.house, scene.daemon('proxy'), staOf(scene))
      const head = Buffer.from(`GET ${STA_PATH} HTTP/1.1\r\nX: x`)
      let said = 0
      const next = (): void =>
        relay.write(head.subarray(Math.min(said++, head.length - 1)).subarray(0, 1))
      const timer = setInterval(next, 50)
      const heard = await relay.rest().finally(() => clearInterval(timer))
      relay.destroy()
      return heard.toString().startsWith('HTTP/1.1 408 ') ? 'HTTP 408' : heard.toString()
    },
    async below(scene) {
      const relay = await openRelay(scene.house, scene.daemon('proxy'), staOf(scene))
      relay.write(`GET ${STA_PATH} HTTP/1.1\r\n`)
      await delay(300)
      const { status } = await relay.ask('Host: sta\r\n\r\n')
      relay.destroy()
      return status === 406 ? 'served' : String(status)
    },
  },
  {
    limit: 'proxy.limits.staRequestBytes',
    set: { staRequestBytes: '2 KiB' },
    client: 'redeems a ticket with a body of 2049 bytes',
    gets: 'HTTP 403',
    code: 'DH_RELAY_REQUEST',
    says: /longer than 2048 bytes/,
    beyond: (scene) => redeemWith(scene, 2049),
    below: (scene) => redeemWith(scene, 2048),
  },
  {
    limit: 'proxy.limits.dial',
    set: { dial: '2500 ms' },
    client: 'wants a destination that does not answer',
    gets: 'reply 04',
    code: 'DH_DIAL_TIMEOUT',
    says: /did not answer within 2\.5 s/,
    scene: LimitScene.proxyBeforeQueue,
    async beyond(scene) {
      const end = await scene.secure('proxy')
      end.say(concat(SOCKS_GREETING, connectTo(scene)))
      return await told(end)
    },
    below: (scene) => reachBehindQueue(scene),
  },
  {
    limit: 'proxy.limits.launch',
    set: { launch: '2500 ms', dial: '20 s' },
    client: 'wants a destination that does not answer',
    gets: 'reply 04',
    code: 'DH_LAUNCH_DEADLINE',
    says: /not finished within 2\.5 s/,
    scene: LimitScene.proxyBeforeQueue,
    async beyond(scene) {
      const end = await scene.secure('proxy')
      end.say(concat(SOCKS_GREETING, connectTo(scene)))
      return await told(end)
    },
    below: (scene) => reachBehindQueue(scene),
  },
  ...sessionRows('proxy'),
]

/** The gate before the STA is where the proxy finds it. */
function staOf(scene: LimitScene) {
  if (scene.sta === undefined) throw new Error('no STA here')
  return scene.sta.at
}

/** A CONNECT to the server behind the full queue. */
function connectTo({ queue }: LimitScene): Uint8Array {
  return socksRequest('127.0.0.1', queue?.at.port ?? 0)
}

/** Greets and logs in, and asks for what nobody may: the answer is a denial, in time. */
async function greeted(end: End, how: 'at once' | 'in two pieces'): Promise<string> {
  const login = Uint8Array.of(1, 1, 0x61, 1, 0x61)
  end.say(Uint8Array.of(5))
  if (how === 'in two pieces') await delay(300)
  end.say(concat(Uint8Array.of(1, 2), login, socksRequest('198.51.100.7', 2598)))
  const got = await told(end)
  return /^050201000502/.test(got) || got === 'reply 02' ? 'served' : got
}

async function redeemWhileHeld(scene: LimitScene, forMilliseconds?: number): Promise<string> {
  const ticket = await scene.ticket()
  const relay = await openRelay(scene.house, scene.daemon('proxy'), staOf(scene))
  scene.sta?.hold()
  if (forMilliseconds !== undefined) setTimeout(() => scene.sta?.release(), forMilliseconds)
  const { status } = await relay.ask(redemption(ticket.primary.reveal()))
  scene.sta?.release()
  relay.destroy()
  return status === 200 ? 'served' : `HTTP ${status}`
}

/** Redeems a ticket with a body of this length: blanks between its elements mean nothing. */
async function redeemWith(scene: LimitScene, bytes: number): Promise<string> {
  const ticket = await scene.ticket()
  const body = Buffer.from(encodeRequestData({ hex: ticket.primary.reveal() })).toString()
  const padded = body.replace('</RequestData>', `${' '.repeat(bytes - body.length)}</RequestData>`)
  const relay = await openRelay(scene.house, scene.daemon('proxy'), staOf(scene))
  const { status } = await relay.ask(httpPost(padded, `Doublehop-Session: ${SESSION}\r\n`))
  relay.destroy()
  return status === 200 ? 'served' : `HTTP ${status}`
}

/** A destination that answers late: a dropped SYN is sent again after a second. */
async function reachBehindQueue(scene: LimitScene): Promise<string> {
  const end = await scene.secure('proxy')
  end.say(concat(SOCKS_GREETING, connectTo(scene)))
  await delay(300)
  scene.queue?.release()
  await end.until(() => end.heard.length >= 12 || end.ended || end.closed)
  return end.heard[3] === 0 ? 'served' : end.heard.toString('hex')
}

/** Says so many bytes behind a CONNECT that is not answered yet. */
async function early(scene: LimitScene, bytes: number): Promise<string> {
  const end = await scene.secure('proxy')
  end.say(concat(SOCKS_GREETING, connectTo(scene)))
  await end.until(() => end.heard.length >= 2 || end.ended || end.closed)
  end.say(Buffer.alloc(bytes))
  const isRead = await leaves(end, 500)
  scene.queue?.release()
  const far = await scene.server?.next()
  if (far === undefined) return 'nowhere'
  let heard = far.heard.length
  far.onBytes = (chunk) => {
    heard += chunk.length
  }
  await far.until(() => heard >= bytes || far.ended || far.closed)
  end.destroy()
  far.destroy()
  const all = heard === bytes ? 'loses nothing' : `${heard} bytes came`
  return isRead ? `is read from, and ${all}` : `is not read from until it is, and ${all}`
}
