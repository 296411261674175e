import tls from 'node:tls'
import { encodeCgpFlight } from '@doublehop/wire/cgp'
import { concat } from '@doublehop/wire/conversation'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import type { Ticket } from '@doublehop/wire/ticket'
import type { Test } from 'tap'
import { shownBy } from './ask-admin.ts'
import { type End, EndServer, openEnd } from './ends.ts'
import { SOCKS_GREETING, socksRequest } from './flights.ts'
import { FullQueue } from './full-queue.ts'
import { Gate } from './gate.ts'
import { type House, publish, type Running } from './house.ts'
import { until } from './wait.ts'

export type Protocol = 'socks' | 'cgp'

/** Where a launch can be held. */
export const PHASES = ['handshake', 'first flight', 'redeem', 'dial'] as const
export type Phase = (typeof PHASES)[number]

/** The beginning of a ClientHello of 512 bytes. */
const PART_OF_A_HELLO = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)

export interface PhaseOptions {
  /** what both hops speak */
  readonly version?: tls.SecureVersion
  readonly gateway?: object
  readonly proxy?: object
}

/**
 * The double hop between a test's own clients and a test's own server, which holds a launch where the test wants it: the
 * STA stands behind a gate, and one published server does not answer when it is dialled.
 */
export class Phases {
  readonly house: House
  readonly gateway: Running
  readonly proxy: Running
  readonly server: EndServer
  readonly sta: Gate
  readonly #access
  readonly #test: Test
  readonly #version: tls.SecureVersion

  private constructor(
    test: Test,
    house: House,
    daemons: { gateway: Running; proxy: Running },
    around: { server: EndServer; sta: Gate },
    version: tls.SecureVersion,
  ) {
    this.#test = test
    this.house = house
    this.gateway = daemons.gateway
    this.proxy = daemons.proxy
    this.server = around.server
    this.sta = around.sta
    this.#access = house.access(daemons.gateway)
    this.#version = version
  }

  static async open(test: Test, house: House, options: PhaseOptions = {}): Promise<Phases> {
    const { version = 'TLSv1.3' } = options
    const newest = tls.DEFAULT_MAX_VERSION
    tls.DEFAULT_MAX_VERSION = version
    try {
      const server = await EndServer.open(test)
      const deaf = await FullQueue.before(test, server.at)
      const vda = await house.vda()
      const sta = await Gate.before(test, (await house.sta()).at.listen as Endpoint)
      const stas = [{ id: 'STA01', urls: [`https://${sta.where}`] }]
      const proxy = await house.proxy(stas, options.proxy)
      const storefront = await house.storefront(stas, [
        ...publish(vda),
        { name: 'server', cgpAddress: formatEndpoint(server.at) },
        { name: 'deaf', cgpAddress: deaf.where },
      ])
      const gateway = await house.gateway(stas, [{ name: 'proxy', address: proxy.where() }], {
        storefronts: [{ address: storefront.where() }],
        ...options.gateway,
      })
      return new Phases(test, house, { gateway, proxy }, { server, sta }, version)
    } finally {
      tls.DEFAULT_MAX_VERSION = newest
    }
  }

  ticket(app = 'server'): Promise<Ticket> {
    return this.house.ticket(this.#access, app)
  }

  /** A client whose launch has come into this phase and gets no further. @param ticket for the phases that need one */
  async reach(phase: Phase, protocol: Protocol, ticket?: Ticket): Promise<End> {
    const at = this.gateway.at.listen as Endpoint
    if (phase === 'handshake') {
      const client = await openEnd(this.#test, at)
      client.say(PART_OF_A_HELLO)
      return client
    }
    const client = await this.openClient()
    if (phase === 'first flight') client.say(protocol === 'socks' ? SOCKS_GREETING : '\x1aCGP/01')
    else await this.ask(client, protocol, ticket)
    await until(
      () => shownBy(this.gateway.at.admin),
      ({ sessions }) => sessions.length > 0,
    )
    return client
  }

  /** A whole session: the proxy then has a connection to the STA, so that the next launch asks at once. */
  async session(): Promise<void> {
    const before = this.server.ends.length
    const client = await this.openClient()
    await this.ask(client, 'socks', await this.ticket())
    client.finish()
    const server = await until(() => this.server.ends[before], Boolean)
    server?.finish()
    await client.ending()
  }

  /** A client behind its TLS handshake. */
  openClient(): Promise<End> {
    return openEnd(this.#test, this.gateway.at.listen as Endpoint, {
      ca: this.house.read('workspace/ca.crt'),
      maxVersion: this.#version,
    })
  }

  /** Sends the whole request or flight. */
  async ask(client: End, protocol: Protocol, ticket: Ticket | undefined): Promise<void> {
    if (ticket === undefined) throw new Error('this needs a ticket')
    if (protocol === 'socks')
      client.say(concat(SOCKS_GREETING, socksRequest(ticket.reveal(), 2598)))
    else client.say(encodeCgpFlight(ticket))
  }

  /** Waits until neither gateway nor proxy knows of a session or of a handshake. */
  async allGone(milliseconds = 5000): Promise<void> {
    const counts = async (): Promise<number[]> => {
      const shown = await Promise.all([this.gateway, this.proxy].map(({ at }) => shownBy(at.admin)))
      return shown.flatMap(({ sessions, handshakes }) => [sessions.length, handshakes.length])
    }
    await until(counts, (seen) => seen.every((count) => count === 0), milliseconds)
  }

  /** How the gateway or proxy says that what ended since this line of the log has ended; a dash for nothing. */
  endings(daemon: 'gateway' | 'proxy', since: number): string {
    const lines = this.house.log.slice(since).filter((line) => line.daemon === daemon)
    const ends = lines.flatMap(({ event, reason, code }) =>
      event === 'session-closed' ? [reason] : event === 'handshake-failed' ? [code] : [],
    )
    return ends.join(', ') || '–'
  }
}
