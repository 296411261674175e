import tls from 'node:tls'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeReply, REPLY } from '@doublehop/wire/socks5-messages'
import type { Test } from 'tap'
import { type End, EndServer, openEnd } from './ends.ts'
import { SOCKS_GREETING, socksRequest } from './flights.ts'
import { type DoubleHop, type DoubleHopOptions, House, type LogLine } from './house.ts'
import { until } from './wait.ts'

/** A session through both hops whose two ends, of bare sockets, are in a test's hands. */
export interface Session {
  readonly client: End
  readonly server: End
  /** its name in the logs */
  readonly id: string
}

/** The double hop between a test's own clients and a test's own server. */
export class Through {
  readonly house: House
  readonly hop: DoubleHop
  readonly #server: EndServer
  readonly #test: Test
  readonly #version: tls.SecureVersion

  private constructor(
    test: Test,
    house: House,
    hop: DoubleHop,
    server: EndServer,
    version: tls.SecureVersion,
  ) {
    this.#test = test
    this.house = house
    this.hop = hop
    this.#server = server
    this.#version = version
  }

  /** @param version what both hops speak: our daemons take the newest that this process allows */
  static async open(
    test: Test,
    version: tls.SecureVersion = 'TLSv1.3',
    options: DoubleHopOptions = {},
  ): Promise<Through> {
    const newest = tls.DEFAULT_MAX_VERSION
    tls.DEFAULT_MAX_VERSION = version
    const server = await EndServer.open(test)
    const house = new House(test)
    const published = [{ name: 'server', cgpAddress: `127.0.0.1:${server.at.port}` }]
    const hop = await house.doubleHop({ published, ...options }).finally(() => {
      tls.DEFAULT_MAX_VERSION = newest
    })
    return new Through(test, house, hop, server, version)
  }

  /** Launches by SOCKS. */
  async session(): Promise<Session> {
    const ticket = await this.hop.ticket('server')
    const before = this.house.log.length
    const client = await openEnd(this.#test, this.hop.gateway.at.listen as Endpoint, {
      ca: this.house.read('workspace/ca.crt'),
      maxVersion: this.#version,
    })
    client.say(SOCKS_GREETING)
    await client.read(2)
    client.say(socksRequest(ticket.reveal(), 2598))
    const reply = await client.read(10)
    if (!reply.equals(encodeReply(REPLY.succeeded)))
      throw new Error(`refused: ${reply.toString('hex')}`)
    const lines = this.house.log.slice(before)
    const { session } = lines.find(({ event, step }) => event === 'step' && step === 8) ?? {}
    return { client, server: await this.#server.next(), id: session ?? '' }
  }

  /** How gateway and proxy say that this session ended, once both have. */
  async closings(id: string): Promise<{ gateway: LogLine; proxy: LogLine }> {
    const of = (daemon: string): LogLine | undefined =>
      this.house
        .events('session-closed')
        .find((line) => line.session === id && line.daemon === daemon)
    const both = await until(
      () => ({ gateway: of('gateway'), proxy: of('proxy') }),
      ({ gateway, proxy }) => Boolean(gateway && proxy),
    )
    return both as { gateway: LogLine; proxy: LogLine }
  }
}
