import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeProxyHeader } from '@doublehop/wire/proxy-protocol'
import { encodeRequestData, STA_PATH } from '@doublehop/wire/sta-messages'
import type { Test } from 'tap'
import { End, openEnd } from './ends.ts'
import { openRelay, SESSION } from './hop.ts'
import { type DoubleHop, House } from './house.ts'
import { StaCaller } from './sta-caller.ts'

/** Something that is done once, and shows whether it was. */
export interface Secretly {
  /** the whole request */
  readonly request: string
  wasDone(): Promise<boolean>
}

/** A service that speaks HTTP, met by somebody who may ask it. */
export interface HttpService {
  readonly name: string
  open(): Promise<End>
  /** the request line and headers of a POST, without its length and the blank line */
  readonly head: string
  /** a body that is read, understood and refused */
  readonly body: string
  /** is answered with `status`, and nothing else here is */
  readonly probe: { readonly request: string; readonly status: number }
  /** a request that would be done if it were heard */
  hidden(): Promise<Secretly>
}

const CLIENT: Endpoint = { host: '192.0.2.7', port: 50_000 }
const UNKNOWN = 'F'.repeat(32)

/** Everything in a double hop that speaks HTTP to a neighbour; what is unfinished ends after 1 to 3 s. */
export class HttpServices {
  readonly house: House
  readonly hop: DoubleHop
  readonly #test: Test
  readonly #storefront: StaCaller
  readonly #proxy: StaCaller
  #hidden = 0

  private constructor(test: Test, house: House, hop: DoubleHop) {
    this.#test = test
    this.house = house
    this.hop = hop
    this.#storefront = new StaCaller(test, house, 'storefront')
    this.#proxy = new StaCaller(test, house, 'proxy')
  }

  static async open(test: Test): Promise<HttpServices> {
    const house = new House(test)
    const published = Array.from({ length: 200 }, (_, at) => ({
      name: `hidden-${at}`,
      cgpAddress: '127.0.0.1:2598',
    }))
    const tlsHandshake = '3 s' // a busy machine makes even good ones slow
    const redeemers = { names: ['proxy'], networks: ['127.0.0.0/8'] }
    const hop = await house.doubleHop({
      sta: { listenHttp: '127.0.0.1:0', redeemers, limits: { request: '1 s', tlsHandshake } },
      proxy: { limits: { staRequest: '1 s', greeting: '1 s', tlsHandshake } },
      storefront: { limits: { request: '1 s', tlsHandshake } },
      gateway: { limits: { firstFlight: '2 s', tlsHandshake } },
      published,
    })
    return new HttpServices(test, house, hop)
  }

  get all(): HttpService[] {
    const { sta, storefront, gateway, proxy } = this.hop
    const listen = (daemon: { at: Readonly<Record<string, Endpoint>> }, name = 'listen') =>
      daemon.at[name] as Endpoint
    return [
      this.#sta('STA by HTTPS', () => openEnd(this.#test, listen(sta), this.#shown('proxy'))),
      this.#sta('STA by HTTP', () => openEnd(this.#test, listen(sta, 'listenHttp'))),
      this.#sta('relay', async () => {
        const { socket } = await openRelay(this.house, proxy, listen(sta))
        socket.removeAllListeners('data')
        return new End(socket)
      }),
      this.#shop('storefront through the gateway', () =>
        openEnd(this.#test, listen(gateway), { ca: this.house.read('ca/ca.crt') }),
      ),
      this.#shop('storefront with a gateway’s certificate', async () => {
        const end = await openEnd(this.#test, listen(storefront), this.#shown('gateway'))
        end.say(encodeProxyHeader(CLIENT, { host: '192.0.2.1', port: 443 }))
        return end
      }),
    ]
  }

  #sta(name: string, open: () => Promise<End>): HttpService {
    const head = `POST ${STA_PATH} HTTP/1.1\r\nHost: sta\r\nContent-Type: text/xml\r\nDoublehop-Session: ${SESSION}\r\n`
    const ask = (hex: string): string => Buffer.from(encodeRequestData({ hex })).toString()
    return {
      name,
      open,
      head,
      body: ask(UNKNOWN),
      probe: { request: `GET ${STA_PATH} HTTP/1.1\r\nHost: sta\r\n\r\n`, status: 406 },
      hidden: async () => {
        const data = [{ name: 'CGPAddress', value: '127.0.0.1:2598' }]
        const hex = (await this.#storefront.issue(this.hop.sta, data)).reveal()
        return {
          request: whole(head, ask(hex)),
          wasDone: () =>
            this.#proxy.redeem(this.hop.sta, hex).then(
              () => false,
              () => true,
            ),
        }
      },
    }
  }

  #shop(name: string, open: () => Promise<End>): HttpService {
    const bearer = `Authorization: Bearer ${this.house.read('workspace/token')}\r\n`
    const head = `POST /tickets HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n${bearer}`
    return {
      name,
      open,
      head,
      body: '{"app":"none"}',
      probe: { request: `GET /apps HTTP/1.1\r\nHost: shop\r\n${bearer}\r\n`, status: 200 },
      hidden: async () => {
        const app = `hidden-${this.#hidden++}`
        return {
          request: whole(head, `{"app":"${app}"}`),
          wasDone: async () => this.house.events('ticket-issued').some((line) => line.app === app),
        }
      },
    }
  }

  #shown(role: string) {
    const read = (file: string): string => this.house.read(`${role}/${file}`)
    return { cert: read('tls.crt'), key: read('tls.key'), ca: read('ca.crt') }
  }
}

/** A request with the length of its body. */
export function whole(head: string, body: string): string {
  return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
