import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeProxyHeader } from '@doublehop/wire/proxy-protocol'
import { STA_PATH } from '@doublehop/wire/sta-messages'
import type { Test } from 'tap'
import { type End, openEnd } from './ends.ts'
import { openRelay, SESSION } from './hop.ts'
import { House } from './house.ts'

/** A port that speaks HTTP, as a client meets it that may do there whatever can be done. */
export interface HttpPort {
  readonly name: string
  /** the paths there are, each with the status of a GET */
  readonly paths: Readonly<Record<string, number>>
  /** whether letters of a path may be of either case */
  readonly anyCase: boolean
  /** header lines that let a request through: who asks, and for what */
  readonly headers: string
  /** Says this on a connection of its own. @returns all that came back, once the other end is done */
  answerTo(request: string | Uint8Array): Promise<Buffer>
}

const CLIENT: Endpoint = { host: '127.0.0.1', port: 50_000 }

/** Every port of a double hop that speaks HTTP. */
export async function httpPorts(test: Test): Promise<HttpPort[]> {
  const house = new House(test)
  const hop = await house.doubleHop({ sta: { listenHttp: '127.0.0.1:0' } })
  const apps = [{ name: 'echo', kind: 'echo', listenCgp: '127.0.0.1:0' }]
  const metrics = { listen: '127.0.0.1:0' }
  const zones = { management: ['127.0.0.0/8'] }
  const scraped = await house.start('vda', { metrics, apps }, 'scraped', zones)
  const ca = house.read('ca/ca.crt')
  const shownAs = (role: string) => ({
    ca,
    cert: house.read(`${role}/tls.crt`),
    key: house.read(`${role}/tls.key`),
  })
  const at = (daemon: { readonly at: Readonly<Record<string, Endpoint>> }, listener = 'listen') =>
    daemon.at[listener] as Endpoint
  const over = (open: () => Promise<End>, before: Uint8Array = new Uint8Array(0)) => ({
    async answerTo(request: string | Uint8Array): Promise<Buffer> {
      const end = await open()
      end.say(before)
      end.say(request)
      // Who destroys a connection with bytes unread resets it; what came before that counts.
      await end.rest().catch(() => {})
      end.destroy()
      return end.heard
    },
  })
  const bearer = `Authorization: Bearer ${house.read('workspace/token')}\r\n`
  const sta = { paths: { [STA_PATH]: 406 }, anyCase: true, headers: 'Content-Type: text/xml\r\n' }
  const storefront = { paths: { '/apps': 200 }, anyCase: false, headers: bearer }
  const proxied = encodeProxyHeader(CLIENT, CLIENT)
  const admin = { '/healthz': 200, '/readyz': 200, '/metrics': 200, '/sessions': 200 }
  return [
    {
      name: 'the STA by HTTPS',
      ...sta,
      ...over(() => openEnd(test, at(hop.sta), shownAs('proxy'))),
    },
    {
      name: 'the STA by HTTP',
      ...sta,
      ...over(() => openEnd(test, at(hop.sta, 'listenHttp'))),
    },
    {
      name: 'the storefront through the gateway',
      ...storefront,
      ...over(() => openEnd(test, at(hop.gateway), { ca })),
    },
    {
      name: 'the storefront itself, as a gateway',
      ...storefront,
      ...over(() => openEnd(test, at(hop.storefront), shownAs('gateway')), proxied),
    },
    {
      name: 'the relay to the STA',
      ...sta,
      anyCase: false,
      headers: `${sta.headers}Doublehop-Session: ${SESSION}\r\n`,
      async answerTo(request) {
        const relay = await openRelay(house, hop.proxy, at(hop.sta))
        relay.write(request)
        return await relay.rest().finally(() => relay.destroy())
      },
    },
    {
      name: 'an admin listener',
      paths: admin,
      anyCase: false,
      headers: '',
      ...over(() => openEnd(test, at(hop.gateway, 'admin'))),
    },
    {
      name: 'a metrics listener',
      paths: { '/metrics': 200 },
      anyCase: false,
      headers: '',
      ...over(() => openEnd(test, at(scraped, 'metrics'))),
    },
  ]
}
