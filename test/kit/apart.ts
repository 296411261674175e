import { join } from 'node:path'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { End, openEnd } from './ends.ts'
import { SOCKS_GREETING, socksRequest } from './flights.ts'
import { Hosts, type Wire } from './hosts.ts'
import type { DoubleHop } from './house.ts'
import { StubVda } from './stub-vda.ts'
import type { Session } from './through.ts'
import { until } from './wait.ts'

/**
 * The double hop with gateway and proxy on hosts of their own, between a test's clients and a test's server. Silence is
 * asked after in seconds instead of minutes.
 */
export class Apart {
  readonly hosts: Hosts
  readonly hop: DoubleHop
  readonly #test: Test
  readonly #servers: readonly End[]
  #launched = 0

  private constructor(test: Test, hosts: Hosts, hop: DoubleHop, servers: readonly End[]) {
    this.#test = test
    this.hosts = hosts
    this.hop = hop
    this.#servers = servers
  }

  static async open(test: Test): Promise<Apart> {
    const hosts = new Hosts(test, join(import.meta.dirname, 'hasty.ts'))
    const { clientSide, gateway, proxy, inner } = hosts.places
    const servers: End[] = []
    const accept = ({ socket }: { socket: End['raw'] }): void => void servers.push(new End(socket))
    const vda = await StubVda.listen(test, accept, inner)
    const drainTimeout = '0 s'
    const hop = await hosts.doubleHop({
      sta: { listen: `${inner}:0` },
      proxy: { listen: `${proxy}:0`, drainTimeout },
      // Its hop to the storefront would have to pass the proxy's host; the client's side is nearer.
      storefront: { listen: `${clientSide}:0` },
      gateway: { listen: `${gateway}:0`, drainTimeout },
      published: [{ name: 'server', cgpAddress: vda.where }],
    })
    return new Apart(test, hosts, hop, servers)
  }

  /** Launches by SOCKS, and has each end say a word. */
  async session(): Promise<Session> {
    const ticket = await this.hop.ticket('server')
    const at = this.#launched++
    const client = await openEnd(this.#test, this.hop.gateway.at.listen as Endpoint, {
      ca: this.hosts.read('workspace/ca.crt'),
    })
    client.say(SOCKS_GREETING)
    await client.read(2)
    client.say(socksRequest(ticket.reveal(), 2598))
    await client.read(10)
    const accepted = () => this.hosts.logged('gateway', 'step').filter(({ step }) => step === 8)[at]
    const line = await until(accepted, Boolean)
    const server = await until(() => this.#servers[at], Boolean)
    if (server === undefined) throw new Error('no server was reached')
    client.say('x')
    await server.read(1)
    server.say('y')
    await client.read(1)
    return { client, server, id: line?.session ?? '' }
  }

  /** The reason for which gateway or proxy has closed this session; undefined while it has not. */
  reason(daemon: 'gateway' | 'proxy', id: string): string | undefined {
    const closed = this.hosts.logged(daemon, 'session-closed').find(({ session }) => session === id)
    return closed === undefined ? undefined : String(closed.reason)
  }

  /** Sessions that gateway and proxy still have. */
  counts(): number[] {
    const { gateway, proxy } = this.hop
    return [
      this.hosts.sessions('gateway', gateway).sessions.length,
      this.hosts.sessions('proxy', proxy).sessions.length,
    ]
  }

  cut(wire: Wire): void {
    this.hosts.cut(wire)
  }
}
