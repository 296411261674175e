import { Agent } from 'node:http'
import type { Duplex } from 'node:stream'
import { dial } from '@doublehop/daemon/dial'
import { dialContext } from '@doublehop/daemon/tls'
import { asFault, fault } from '@doublehop/errors/fault'
import type { Identity } from '@doublehop/settings/values'

export interface DirectOptions {
  /** how this daemon shows itself to an https STA */
  readonly identity: Identity
  /** TCP and TLS with the STA */
  readonly dialMilliseconds: number
  readonly from?: { readonly v4?: string | undefined; readonly v6?: string | undefined } | undefined
}

/**
 * Connections straight to STAs, from a daemon in their zone: https with mutual TLS, or http. Kept for ten seconds
 * while unused; an STA keeps its end for thirty.
 */
export class DirectAgents {
  readonly #https: Agent
  readonly #http: Agent

  constructor(options: DirectOptions) {
    this.#https = new DirectAgent(options, true)
    this.#http = new DirectAgent(options, false)
  }

  /** The agent for this url. */
  for(url: URL): Agent {
    return url.protocol === 'https:' ? this.#https : this.#http
  }

  close(): void {
    this.#https.destroy()
    this.#http.destroy()
  }
}

class DirectAgent extends Agent {
  readonly #options: DirectOptions
  readonly #context
  #closed = false

  constructor(options: DirectOptions, secure: boolean) {
    super({ keepAlive: true, maxSockets: 64, maxFreeSockets: 8, timeout: 10_000 })
    this.#options = options
    this.#context = secure ? dialContext(options.identity) : undefined
  }

  override createConnection(
    { host, port }: { host?: string | null; port?: string | number | null },
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const target = { host: host ?? '', port: Number(port) }
    const context = this.#context
    dial(target, {
      milliseconds: this.#options.dialMilliseconds,
      from: this.#options.from,
      tls: context && { context, serverName: target.host },
    }).then(
      (leg) => {
        callback?.(null, leg.handOver())
        // It would be kept for the next question, and there is none.
        if (this.#closed) leg.destroy()
      },
      (error) => {
        const { code, message } = asFault(error)
        const why = fault(
          'DH_STA_UNREACHABLE',
          { sta: `at ${target.host}:${target.port}`, why: `${message} (${code})` },
          error,
        )
        callback?.(why, undefined as unknown as Duplex)
      },
    )
    return undefined
  }

  override destroy(): void {
    this.#closed = true
    super.destroy()
  }
}
