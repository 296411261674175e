import type { SecureContext } from 'node:tls'
import { converse } from '@doublehop/daemon/conversation'
import { type DialOptions, dial } from '@doublehop/daemon/dial'
import type { Leg } from '@doublehop/daemon/leg'
import { asFault, fault, isFault } from '@doublehop/errors/fault'
import type { GatewaySettings, NextHopSettings } from '@doublehop/settings/gateway'
import { greetSocks, openSocks } from '@doublehop/wire/socks5-client'
import type { Credentials } from '@doublehop/wire/socks5-server'
import { Ahead } from './ahead.ts'
import type { GatewayCounters } from './counters.ts'
import type { HopConnections } from './hop-connections.ts'

/** How long a probe may take, from the dial to the answer of the greeting. */
const PROBE_MILLISECONDS = 1000

/** One way into the second DMZ: our proxy, or any SOCKS5 server. */
export class NextHop {
  readonly name: string
  readonly kind: NextHopSettings['kind']
  /** how the bytes travel to it, for people */
  readonly transport: 'mutual TLS' | 'plain TCP'
  readonly #hop: NextHopSettings
  readonly #settings: GatewaySettings
  readonly #counters: GatewayCounters
  readonly #credentials: Credentials | undefined
  readonly #tls: DialOptions['tls']
  readonly #connections: HopConnections
  readonly #ahead: Ahead
  #closed = false
  /** whether the last probe or launch got through */
  up = true

  /** @param context what all hops share: building a TLS context costs as much as half a handshake */
  constructor(
    hop: NextHopSettings,
    settings: GatewaySettings,
    context: SecureContext,
    counters: GatewayCounters,
    connections: HopConnections,
  ) {
    this.name = hop.name
    this.kind = hop.kind
    this.transport = hop.secure === 'on' ? 'mutual TLS' : 'plain TCP'
    this.#hop = hop
    this.#settings = settings
    this.#counters = counters
    this.#connections = connections
    this.#ahead = new Ahead(hop.ahead, async () => {
      const leg = await this.#dial()
      connections.note(leg, hop.name, 'ahead')
      return leg
    })
    this.#credentials = hop.credentials && {
      username: hop.credentials.username,
      password: hop.credentials.password.reveal(`gateway.nextHops.${hop.name}.credentials`),
    }
    this.#tls =
      hop.secure === 'on' ? { context, serverName: hop.serverName ?? hop.address.host } : undefined
  }

  /**
   * A connection that is greeted and logged in, ready for its CONNECT.
   *
   * @param credentials what our proxy wants to see; a foreign hop has its own, from the configuration
   * @throws Fault DH_HOP_UNREACHABLE, DH_SOCKS_…, or the reason of `signal`
   */
  async open(credentials: Credentials | undefined, signal?: AbortSignal): Promise<Leg> {
    const login = this.kind === 'doublehop' ? credentials : this.#credentials
    const ahead = this.#ahead.take()
    if (ahead !== undefined) {
      // It may have died while it waited. Nothing of the launch was said on it, so a new one is no repetition.
      const greeted = await this.#greet(ahead, login, signal).catch((error) => {
        signal?.throwIfAborted()
        if (!isFault(error, 'DH_PEER_CLOSED', 'DH_PEER_RESET')) throw error
        return undefined
      })
      if (greeted !== undefined) return this.#lend(greeted)
    }
    return this.#lend(await this.#greet(await this.#dial(signal), login, signal))
  }

  /** Whether something that speaks SOCKS answers there: greets and goes. */
  async probe(): Promise<boolean> {
    let leg: Leg | undefined
    try {
      const since = performance.now()
      leg = await this.#dial(AbortSignal.timeout(PROBE_MILLISECONDS))
      const method = this.kind === 'doublehop' || this.#credentials ? 'password' : 'none'
      const limits = { what: 'a probe', milliseconds: PROBE_MILLISECONDS, since }
      await converse(leg, greetSocks(method), limits)
      return true
    } catch {
      return false
    } finally {
      leg?.destroy()
    }
  }

  /** Opens no more ahead; launches that are under way may still come. */
  retire(): void {
    this.#ahead.close()
  }

  close(): void {
    this.#closed = true
    this.#ahead.close()
  }

  async #dial(signal?: AbortSignal): Promise<Leg> {
    const { limits, addresses } = this.#settings
    try {
      return await dial(this.#hop.address, {
        milliseconds: limits.dial,
        from: addresses,
        tls: this.#tls,
        signal,
        keep: limits.earlyData,
      })
    } catch (error) {
      if (signal?.aborted) throw error
      throw fault('DH_HOP_UNREACHABLE', { hop: this.name, why: asFault(error).message }, error)
    }
  }

  async #greet(leg: Leg, login: Credentials | undefined, signal?: AbortSignal): Promise<Leg> {
    try {
      this.#counters.socksMethodRequests.inc()
      await converse(leg, openSocks(login), {
        what: `the greeting of next hop ${this.name}`,
        milliseconds: this.#settings.limits.dial,
        ...(signal && { signal }),
      })
      this.#counters.socksMethodResponses.inc()
      return leg
    } catch (error) {
      leg.destroy()
      if (!signal?.aborted && asFault(error).code.startsWith('DH_SOCKS_'))
        this.#counters.socksServerErrors.inc()
      if (isFault(error, 'DH_HANDSHAKE_DEADLINE'))
        throw fault('DH_HOP_UNREACHABLE', { hop: this.name, why: error.message }, error)
      throw error
    }
  }

  #lend(leg: Leg): Leg {
    if (this.#closed) {
      leg.destroy()
      throw fault('DH_HOP_UNREACHABLE', { hop: this.name, why: 'this gateway is ending' })
    }
    this.#connections.note(leg, this.name, 'in use')
    this.#ahead.fill()
    return leg
  }
}
