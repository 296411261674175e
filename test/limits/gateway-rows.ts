import { setTimeout as delay } from 'node:timers/promises'
import { encodeCgpFlight } from '@doublehop/wire/cgp'
import { concat } from '@doublehop/wire/conversation'
import { encodeResponseData } from '@doublehop/wire/sta-messages'
import { bytesOf } from '@doublehop/wire/text'
import { shownBy } from '../kit/ask-admin.ts'
import type { End } from '../kit/ends.ts'
import { SOCKS_GREETING, socksRequest } from '../kit/flights.ts'
import type { LimitRow } from '../kit/limit-rows.ts'
import type { LimitScene } from '../kit/limit-scene.ts'
import { drip, leaves, tale, told } from '../kit/stranger.ts'
import { until } from '../kit/wait.ts'
import { handshakeRows } from './handshake-rows.ts'
import { sessionRows } from './session-rows.ts'

/** The body of the answer that the gateway gets for a ticket of the app `echo`, with ports of five digits. */
const ANSWER_BYTES = encodeResponseData([
  { name: 'CGPAddress', value: '127.0.0.1:12345' },
  { name: 'ICAAddress', value: '127.0.0.1:12345' },
]).length

/** A PROXY header with room behind its addresses: byte by byte it takes longer than there is time. */
const HEADER = concat(
  Buffer.from('0d0a0d0a000d0a515549540a2111020c', 'hex'),
  Uint8Array.of(203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 1, 0xbb),
  new Uint8Array(0x200),
)

function askForApps(scene: LimitScene): string {
  return `GET /apps HTTP/1.1\r\nHost: x\r\n${scene.bearer}\r\n`
}

function answersIn({ heard }: End): number {
  return heard.toString('latin1').split('HTTP/1.1 200').length - 1
}

/** Every limit of the gateway. */
export const GATEWAY: readonly LimitRow[] = [
  ...handshakeRows('gateway'),
  {
    limit: 'gateway.limits.httpIdle',
    set: { httpIdle: '700 ms' },
    client: 'asks by HTTP, is answered, and keeps its connection',
    gets: 'HTTP 200',
    code: 'idle-timeout',
    async beyond(scene) {
      const end = await scene.secure('gateway')
      end.say(askForApps(scene))
      return await told(end)
    },
    async below(scene) {
      const end = await scene.secure('gateway')
      for (let turn = 1; turn <= 3; turn++) {
        end.say(askForApps(scene))
        await end.until(() => answersIn(end) === turn || end.ended || end.closed)
        await delay(300)
      }
      return answersIn(end) === 3 ? 'served' : 'an end'
    },
  },
  {
    limit: 'gateway.limits.firstFlight',
    set: { firstFlight: '700 ms' },
    client: 'greets by SOCKS and names its methods byte by byte',
    gets: 'nothing',
    code: 'DH_HANDSHAKE_DEADLINE',
    says: /the first flight was not finished within 0\.7 s/,
    alone: true,
    async beyond(scene) {
      const end = await scene.secure('gateway')
      drip(end, Uint8Array.of(5, 255, 1))
      return await told(end)
    },
    async below(scene) {
      const end = await scene.secure('gateway')
      end.say(SOCKS_GREETING.subarray(0, 1))
      await delay(300)
      end.say(SOCKS_GREETING.subarray(1))
      end.say(socksRequest('198.51.100.7', 2598))
      // An address in the place of a ticket has its own answer.
      return (await told(end)) === 'reply 02' ? 'served' : 'an end'
    },
  },
  {
    limit: 'gateway.limits.firstFlight',
    set: { firstFlight: '700 ms' },
    client: 'sends a CGP flight byte by byte',
    gets: 'nothing',
    code: 'DH_HANDSHAKE_DEADLINE',
    says: /the first flight was not finished within 0\.7 s/,
    async beyond(scene) {
      const end = await scene.secure('gateway')
      drip(end, bytesOf('\x1aCGP/01.'))
      return await told(end)
    },
    async below(scene) {
      const flight = encodeCgpFlight(await scene.ticket())
      const end = await scene.secure('gateway')
      end.say(flight.subarray(0, 10))
      await delay(300)
      end.say(flight.subarray(10))
      return await echo(end)
    },
  },
  {
    limit: 'gateway.limits.tlsHandshake',
    set: { tlsHandshake: '700 ms' },
    client: 'stands behind a load balancer, whose PROXY header comes byte by byte',
    gets: 'nothing',
    code: 'DH_HANDSHAKE_DEADLINE',
    says: /the PROXY v2 header was not finished within 0\.7 s/,
    alone: true,
    more: { gateway: { proxyProtocolFrom: ['127.0.0.1'] } },
    async beyond(scene) {
      const end = await scene.bare('gateway')
      drip(end, HEADER.subarray(0, -1))
      return await told(end)
    },
    async below(scene) {
      const end = await scene.secure('gateway', { header: HEADER, tlsAfter: 300 })
      return end.closed ? 'an end' : 'served'
    },
  },
  {
    limit: 'gateway.limits.firstFlightBytes',
    set: { firstFlightBytes: '200 B' },
    client: 'sends a CGP flight of 201 bytes without a ticket',
    gets: 'nothing',
    code: 'DH_HANDSHAKE_LENGTH',
    says: /the first flight is longer than 200 bytes/,
    async beyond(scene) {
      const end = await scene.secure('gateway')
      end.say(concat(bytesOf('\x1aCGP/01'), new Uint8Array(194)))
      return await told(end)
    },
    async below(scene) {
      const ticket = encodeCgpFlight(await scene.ticket())
      const end = await scene.secure('gateway')
      const flight = concat(
        ticket.subarray(0, 7),
        new Uint8Array(200 - ticket.length),
        ticket.subarray(7),
      )
      end.say(flight.subarray(0, 199))
      end.say(flight.subarray(199))
      return await echo(end)
    },
  },
  {
    limit: 'gateway.limits.earlyData',
    set: { earlyData: '64 KiB' },
    client: 'says 24 MB before its launch is through',
    gets: 'is not read from until it is, and loses nothing',
    code: 'nothing',
    beyond: (scene) => paused(scene, 24_000_000),
    async below(scene) {
      const got = await paused(scene, 60_000)
      return got === 'is read from, and loses nothing' ? 'served' : got
    },
  },
  {
    limit: 'gateway.limits.dial',
    set: { dial: '700 ms' },
    client: 'launches while the next hop does not answer',
    gets: 'reply 04',
    code: 'DH_HOP_NONE',
    says: /did not answer within 0\.7 s|not finished within 0\.7 s/,
    async beyond(scene) {
      const ticket = await scene.ticket()
      await holdNewHops(scene)
      return await scene.fate(await scene.launch(ticket)).finally(() => scene.proxy?.release())
    },
    async below(scene) {
      const ticket = await scene.ticket()
      await holdNewHops(scene)
      setTimeout(() => scene.proxy?.release(), 250)
      return await scene.fate(await scene.launch(ticket))
    },
  },
  {
    limit: 'gateway.limits.staRequest',
    set: { staRequest: '700 ms' },
    client: 'launches while the STA does not answer',
    gets: 'reply 04',
    code: 'DH_STA_TIMEOUT',
    says: /did not answer within 0\.7 s/,
    beyond: (scene) => launchWhileHeld(scene),
    below: (scene) => launchWhileHeld(scene, 300),
  },
  {
    limit: 'gateway.limits.staAnswerBytes',
    set: { staAnswerBytes: `${ANSWER_BYTES} B` },
    client: 'launches with a ticket whose answer is a byte longer',
    gets: 'reply 01',
    code: 'DH_STA_ANSWER',
    says: new RegExp(`longer than ${ANSWER_BYTES} bytes`),
    beyond: async (scene) => await scene.fate(await scene.launch(await scene.ticket('long'))),
    below: async (scene) => await scene.fate(await scene.launch(await scene.ticket())),
  },
  {
    limit: 'gateway.limits.launch',
    set: { launch: '700 ms' },
    client: 'launches while the STA does not answer',
    gets: 'reply 04',
    code: 'DH_LAUNCH_DEADLINE',
    says: /not finished within 0\.7 s; it stood at step 4/,
    beyond: (scene) => launchWhileHeld(scene),
    below: (scene) => launchWhileHeld(scene, 300),
  },
  ...sessionRows('gateway'),
]

async function echo(end: End): Promise<string> {
  end.say('echo')
  await end.until(() => end.heard.length >= 4 || end.ended || end.closed)
  return end.heard.toString() === 'echo' ? 'served' : tale(end.heard)
}

/** Launches while the STA is silent. @param forMilliseconds until it speaks again; left out, until all is over */
async function launchWhileHeld(scene: LimitScene, forMilliseconds?: number): Promise<string> {
  const ticket = await scene.ticket()
  scene.sta?.hold()
  const end = await scene.launch(ticket)
  if (forMilliseconds !== undefined) setTimeout(() => scene.sta?.release(), forMilliseconds)
  return await scene.fate(end).finally(() => scene.sta?.release())
}

/** Who connects to the proxy from now on hears nothing, and nobody is connected. */
async function holdNewHops(scene: LimitScene): Promise<void> {
  scene.proxy?.cut()
  await until(
    () => shownBy(scene.daemon('gateway').at.admin),
    ({ hopConnections }) => hopConnections.length === 0,
  )
  scene.proxy?.hold()
}

/** Says so many bytes behind a request that is not answered yet, and tells what becomes of them. */
async function paused(scene: LimitScene, bytes: number): Promise<string> {
  const ticket = await scene.ticket()
  scene.sta?.hold()
  const end = await scene.launch(ticket)
  let heard = 0
  end.onBytes = (chunk) => {
    heard += chunk.length
  }
  end.say(Buffer.alloc(bytes))
  const isRead = await leaves(end, 500)
  scene.sta?.release()
  await end.until(() => heard >= 12 + bytes || end.ended || end.closed)
  end.destroy()
  const all = heard === 12 + bytes ? 'loses nothing' : `got ${heard} bytes`
  return isRead ? `is read from, and ${all}` : `is not read from until it is, and ${all}`
}
