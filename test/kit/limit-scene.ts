import type { ConnectionOptions } from 'node:tls'
import { concat } from '@doublehop/wire/conversation'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeProxyHeader } from '@doublehop/wire/proxy-protocol'
import { StaTicket, Ticket } from '@doublehop/wire/ticket'
import type { Test } from 'tap'
import { shownBy } from './ask-admin.ts'
import { type End, EndServer } from './ends.ts'
import { SOCKS_GREETING, socksRequest } from './flights.ts'
import { FullQueue } from './full-queue.ts'
import { Gate } from './gate.ts'
import { House, type Kind, publish, type Running } from './house.ts'
import { type Coming, come, tale } from './stranger.ts'
import { type Trouble, TroubledSta } from './troubled-sta.ts'
import { until } from './wait.ts'

/** Limits by daemon, as in `doublehop.yaml`; `more` is the rest of a section. */
export type Limits = { readonly [K in Kind]?: object }

/** An STA that is not there. */
const NOWHERE = [{ id: 'STA01', urls: ['https://127.0.0.1:1'] }]

/** What a limit is held against: a double hop with gates before its proxy and its STA, or one daemon alone. */
export class LimitScene {
  readonly house: House
  readonly daemons: { readonly [K in Kind]?: Running }
  readonly test: Test
  /** before the STA */
  readonly sta: Gate | undefined
  /** before the proxy */
  readonly proxy: Gate | undefined

  /** before the server */
  queue: FullQueue | undefined
  server: EndServer | undefined
  #troubled: TroubledSta | undefined
  readonly #ends: End[] = []

  private constructor(
    test: Test,
    house: House,
    daemons: { readonly [K in Kind]?: Running },
    gates: { sta?: Gate; proxy?: Gate } = {},
  ) {
    this.test = test
    this.house = house
    this.daemons = daemons
    this.sta = gates.sta
    this.proxy = gates.proxy
  }

  /** One daemon and nobody around it. */
  static async alone(test: Test, kind: Kind, limits: object, more: object = {}) {
    const house = new House(test)
    const hops = [{ name: 'proxy', address: '127.0.0.1:1' }]
    const section = { ...more, limits }
    const start: { readonly [K in Kind]: () => Promise<Running> } = {
      gateway: () => house.gateway(NOWHERE, hops, section),
      proxy: () => house.proxy(NOWHERE, section),
      storefront: () => house.storefront(NOWHERE, [], section),
      sta: () => house.sta(section),
      vda: () => house.vda(undefined, section),
    }
    return new LimitScene(test, house, { [kind]: await start[kind]() })
  }

  /** A proxy with an allowlist, before a server whose queue is full. */
  static async proxyBeforeQueue(this: void, test: Test, limits: object) {
    const house = new House(test)
    const server = await EndServer.open(test)
    const queue = await FullQueue.before(test, server.at)
    const destinations = { networks: ['127.0.0.0/8'], ports: [queue.at.port] }
    const proxy = await house.proxy(NOWHERE, { authorization: 'allowlist', destinations, limits })
    const scene = new LimitScene(test, house, { proxy })
    scene.queue = queue
    scene.server = server
    return scene
  }

  /** A storefront, and an STA in trouble. */
  static async storefrontWith(test: Test, limits: object, trouble: Trouble) {
    const house = new House(test)
    const sta = await TroubledSta.listen(test, house, '127.0.0.1:1')
    sta.trouble = trouble
    const stas = [{ id: 'STA01', urls: [sta.url] }]
    const app = { name: 'echo', cgpAddress: '127.0.0.1:1' }
    const storefront = await house.storefront(stas, [app], { limits })
    const scene = new LimitScene(test, house, { storefront })
    scene.#troubled = sta
    return scene
  }

  /** All of it, and a first session has passed. */
  static async whole(test: Test, limits: Limits, more: Limits = {}) {
    const house = new House(test)
    const section = (kind: Kind) => ({ ...more[kind], limits: limits[kind] ?? {} })
    const sta = await house.sta(section('sta'))
    const vda = await house.vda(undefined, section('vda'))
    const staGate = await Gate.before(test, sta.at.listen as Endpoint)
    const stas = [{ id: 'STA01', urls: [`https://${staGate.where}`] }]
    const proxy = await house.proxy(stas, section('proxy'))
    const proxyGate = await Gate.before(test, proxy.at.listen as Endpoint)
    const apps = [...publish(vda), longer(publish(vda)[0])]
    const storefront = await house.storefront(stas, apps, section('storefront'))
    const hops = [{ name: 'proxy', address: proxyGate.where, ahead: 0 }]
    const gateway = await house.gateway(stas, hops, {
      storefronts: [{ address: storefront.where() }],
      ...section('gateway'),
    })
    const daemons = { sta, vda, proxy, storefront, gateway }
    const scene = new LimitScene(test, house, daemons, { sta: staGate, proxy: proxyGate })
    const first = await scene.launch(await scene.ticket())
    const fate = await scene.fate(first)
    if (fate !== 'served') throw new Error(`the first session was ${fate}`)
    first.destroy()
    await scene.empty()
    return scene
  }

  /** A daemon that this scene has. */
  daemon(kind: Kind): Running {
    const daemon = this.daemons[kind]
    if (daemon === undefined) throw new Error(`no ${kind} here`)
    return daemon
  }

  /** Waits until gateway and proxy serve nobody. */
  async empty(): Promise<void> {
    const served = async (): Promise<number> => {
      const both = [this.daemon('gateway'), this.daemon('proxy')]
      const shown = await Promise.all(both.map(({ at }) => shownBy(at.admin)))
      return shown.flatMap(({ sessions, http = [] }) => [...sessions, ...http]).length
    }
    await until(served, (count) => count === 0)
  }

  /** @param app `echo`, or `long`, whose address is a byte longer */
  ticket(app = 'echo'): Promise<Ticket> {
    return this.house.ticket(this.house.access(this.daemon('gateway')), app)
  }

  /** One that no STA has issued. */
  wrongTicket(hex = 'B'.repeat(32)): Ticket {
    return new Ticket(40, new StaTicket('STA01', hex))
  }

  /** From now on the STA answers so. */
  trouble(trouble: Trouble): void {
    if (this.#troubled !== undefined) this.#troubled.trouble = trouble
  }

  /** Comes to a daemon: bare, or by TLS as who may. */
  async bare(kind: Kind, coming: Coming = {}, listener?: string): Promise<End> {
    const { at } = this.daemon(kind)
    const standard = kind === 'vda' ? 'echo.ica' : 'listen'
    const end = await come(this.test, at[listener ?? standard], coming)
    this.#ends.push(end)
    return end
  }

  /** Everybody who came goes. */
  leave(): void {
    for (const end of this.#ends) end.destroy()
  }

  secure(kind: Kind, coming: Coming = {}): Promise<End> {
    const roles = { gateway: 'workspace', proxy: 'gateway', storefront: 'gateway', sta: 'proxy' }
    const role = kind === 'vda' ? undefined : roles[kind]
    return this.bare(kind, role === undefined ? coming : { ...coming, tls: this.shownAs(role) })
  }

  /** What somebody of this role shows and trusts. */
  shownAs(role: string): ConnectionOptions {
    const ca = this.house.read('ca/ca.crt')
    if (role === 'workspace') return { ca }
    return { ca, cert: this.house.read(`${role}/tls.crt`), key: this.house.read(`${role}/tls.key`) }
  }

  /** A client of the gateway that has sent its ticket. */
  async launch(ticket: Ticket, coming: Coming = {}, early: Uint8Array = new Uint8Array(0)) {
    const end = await this.secure('gateway', coming)
    end.say(concat(SOCKS_GREETING, socksRequest(ticket.reveal(), 2598), early))
    return end
  }

  /** A session through both hops, with its bytes. */
  async session(coming: Coming = {}): Promise<End> {
    const end = await this.launch(await this.ticket(), coming)
    const fate = await this.fate(end)
    if (fate !== 'served') throw new Error(fate)
    return end
  }

  /** What became of a launch: `served` when the session carries bytes, or what it got instead. */
  async fate(end: End): Promise<string> {
    const ACCEPTED = '0500' + '05000001000000000000'
    await end.until(() => end.ended || end.closed || end.heard.toString('hex').startsWith(ACCEPTED))
    if (!end.heard.toString('hex').startsWith(ACCEPTED)) {
      end.destroy()
      return tale(end.heard)
    }
    end.heard = end.heard.subarray(12)
    end.say('echo')
    await end.until(() => end.ended || end.closed || end.heard.length >= 4)
    const isServed = end.heard.toString() === 'echo'
    end.heard = Buffer.alloc(0)
    return isServed ? 'served' : 'an end'
  }

  /** A gateway's connection to the storefront for this client, with its bearer token. */
  async client(host = '203.0.113.7', coming: Coming = {}): Promise<End> {
    const end = await this.secure('storefront', coming)
    end.say(encodeProxyHeader({ host, port: 4711 }, { host: '192.0.2.1', port: 443 }))
    return end
  }

  get bearer(): string {
    return `Authorization: Bearer ${this.house.read('workspace/token')}\r\n`
  }
}

/** The same app under another name, where nobody is, and a byte longer to tell. */
function longer(app: object = {}): object {
  const somewhere = (address: unknown) => String(address).replace('127.0.0.1', '127.0.0.11')
  return { ...app, name: 'long', cgpAddress: somewhere('cgpAddress' in app && app.cgpAddress) }
}
