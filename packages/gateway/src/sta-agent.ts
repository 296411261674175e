import { Agent } from 'node:http'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { converse } from '@doublehop/daemon/conversation'
import { dialContext, nameToVerify } from '@doublehop/daemon/tls'
import { asFault, fault, isFault } from '@doublehop/errors/fault'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { connectSocks } from '@doublehop/wire/socks5-client'
import type { GatewayCounters } from './counters.ts'
import type { NextHop } from './next-hop.ts'

/** On a CONNECT to an STA the certificate says who asks; the login says nothing. */
const NOBODY = { username: '-', password: '-' }

/**
 * Connections to STAs through one next hop: eight at most, one request at a time each. One that was not used for ten
 * seconds is closed and never used again; the proxy keeps its end for thirty.
 */
export class StaAgent extends Agent {
  readonly #hop: NextHop
  readonly #milliseconds: number
  readonly #counters: GatewayCounters
  readonly #context

  /** @param endToEnd TLS with the STA itself, inside the tunnel */
  constructor(
    hop: NextHop,
    settings: GatewaySettings,
    counters: GatewayCounters,
    endToEnd: boolean,
  ) {
    super({ keepAlive: true, maxSockets: 8, maxFreeSockets: 8, timeout: 10_000 })
    this.#hop = hop
    this.#milliseconds = settings.limits.dial
    this.#counters = counters
    this.#context = endToEnd ? dialContext(settings.identity) : undefined
  }

  override createConnection(
    { host, port }: { host?: string | null; port?: string | number | null },
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#connect({ host: host ?? '', port: Number(port) }).then(
      (socket) => {
        this.#counters.staConnections.inc({ result: 'success' })
        callback?.(null, socket)
      },
      (error) => {
        this.#counters.staConnections.inc({ result: 'failure' })
        callback?.(asFault(error), undefined as unknown as Duplex)
      },
    )
    return undefined
  }

  /** @throws Fault DH_HOP_UNREACHABLE, DH_SOCKS_…, DH_STA_UNREACHABLE */
  async #connect(sta: Endpoint): Promise<Duplex> {
    const leg = await this.#hop.open(NOBODY)
    try {
      this.#counters.socksConnectRequests.inc()
      await converse(leg, connectSocks(sta), {
        what: `the answer of next hop ${this.#hop.name}`,
        milliseconds: this.#milliseconds + 1000,
      })
      this.#counters.socksConnectResponses.inc()
    } catch (error) {
      leg.destroy()
      if (isFault(error, 'DH_PEER_CLOSED', 'DH_PEER_RESET', 'DH_HANDSHAKE_DEADLINE')) {
        throw fault('DH_HOP_UNREACHABLE', { hop: this.#hop.name, why: error.message }, error)
      }
      this.#counters.socksServerErrors.inc()
      if (isFault(error, 'DH_SOCKS_UNREACHABLE'))
        throw fault('DH_STA_UNREACHABLE', { sta: formatEndpoint(sta), why: error.message }, error)
      throw error
    }
    const socket = leg.handOver()
    return this.#context === undefined ? socket : await this.#secure(socket, sta)
  }

  #secure(socket: Duplex, sta: Endpoint): Promise<TLSSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
    const fail = (error: Error): void => {
      clearTimeout(timer)
      secure.destroy()
      reject(fault('DH_STA_UNREACHABLE', { sta: formatEndpoint(sta), why: error.message }, error))
    }
    const timer = setTimeout(() => fail(new Error('no TLS handshake in time')), this.#milliseconds)
    const secure = connectTls({ socket, secureContext: this.#context, ...nameToVerify(sta.host) })
    // Heard for good: Node may tell of two, or of one right behind the handshake, before HTTP listens.
    secure.on('error', fail).once('secureConnect', () => {
      clearTimeout(timer)
      resolve(secure)
    })
    return promise
  }
}
