import { admit } from '@doublehop/daemon/admit'
import { converse } from '@doublehop/daemon/conversation'
import type { Leg } from '@doublehop/daemon/leg'
import { sameSecret } from '@doublehop/daemon/same-secret'
import { asFault, type Fault } from '@doublehop/errors/fault'
import type { ProxySettings } from '@doublehop/settings/proxy'
import { type Conversation, takeByte } from '@doublehop/wire/conversation'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { acceptSocks, type ConnectRequest, type Credentials } from '@doublehop/wire/socks5-server'
import { connect } from './connect.ts'
import type { ProxyParts } from './parts.ts'
import type { StaRelay } from './relay.ts'

/** The connections that first hops have opened, up to their CONNECT. */
export class Hops {
  readonly #parts: () => ProxyParts
  readonly #relay: StaRelay
  readonly #waiting = new Map<Leg, Date>()
  readonly #relayed = new Map<Leg, Date>()

  /** @param parts those at work, which a reload changes */
  constructor(parts: () => ProxyParts, relay: StaRelay) {
    this.#parts = parts
    this.#relay = relay
  }

  /** Serves one connection: who is it, what does it want, and then the relay or a launch. Never rejects. */
  async serve(leg: Leg): Promise<void> {
    this.#waiting.set(leg, new Date())
    leg.gone.addEventListener('abort', () => {
      this.#waiting.delete(leg)
      this.#relayed.delete(leg)
    })
    try {
      admit(leg, this.#parts().settings.allow)
      const request = await this.#acceptRequest(leg)
      this.#waiting.delete(leg)
      const proxy = this.#parts()
      // It may have waited through a reload that no longer lets it in.
      admit(leg, proxy.settings.allow)
      const { authorization } = proxy.settings
      const sta = authorization === 'grant' ? proxy.stas.at(request.destination) : undefined
      if (sta === undefined) return await connect(leg, request, proxy)
      this.#relayed.set(leg, new Date())
      this.#relay.serve(leg, request, sta)
    } catch (error) {
      this.#fail(leg, asFault(error))
    }
  }

  /** Ends what was opened ahead and has said nothing, and what only asks STAs. */
  endIdle(): void {
    for (const leg of this.#waiting.keys()) leg.destroy()
  }

  endAll(): void {
    this.endIdle()
    for (const leg of this.#relayed.keys()) leg.destroy()
  }

  /** As /sessions shows them. */
  toJSON(): object[] {
    const show =
      (what: string) =>
      ([leg, since]: [Leg, Date]) => ({
        peer: formatEndpoint(leg.peer),
        ...(leg.peer.name && { peerName: leg.peer.name }),
        what,
        since: since.toISOString(),
      })
    return [...[...this.#waiting].map(show('waiting')), ...[...this.#relayed].map(show('sta'))]
  }

  /** A connection may have been opened ahead: it has long to say its first byte, and not long to say the rest. */
  async #acceptRequest(leg: Leg): Promise<ConnectRequest> {
    const first = await converse(leg, takeByte(), {
      what: 'the wait for a first byte',
      milliseconds: this.#parts().settings.limits.hopIdle,
    })
    leg.silence(Uint8Array.of(first))
    const { settings } = this.#parts()
    const request: Conversation<ConnectRequest> = acceptSocks(loginPolicy(settings))
    return await converse(leg, request, {
      what: 'the SOCKS request',
      milliseconds: settings.limits.greeting,
    })
  }

  #fail(leg: Leg, failure: Fault): void {
    const { log, metrics } = this.#parts()
    const about = {
      event: 'hop-refused',
      code: failure.code,
      peer: formatEndpoint(leg.peer),
      peerName: leg.peer.name,
    }
    // A gateway that looks whether we are alive greets and goes; one opened ahead may just end, long before hopIdle.
    if (failure.code === 'DH_PEER_CLOSED') {
      log.debug(about, failure.message)
    } else {
      metrics.failed(failure.code)
      log.warn({ ...about, action: failure.action }, failure.message)
    }
    leg.endWith(new Uint8Array(0))
  }
}

/** With grants every first hop logs in, and what it says is judged by where it wants to go. */
function loginPolicy({ authorization, users }: ProxySettings) {
  if (authorization === 'grant') return { methods: ['password'] as const }
  if (users.length === 0) return { methods: ['none'] as const }
  const passwords = new Map(
    users.map(({ username, password }) => [username, password.reveal('proxy.users')]),
  )
  const verify = ({ username, password }: Credentials) =>
    sameSecret(password, passwords.get(username) ?? '')
  return { methods: ['password'] as const, verify }
}
