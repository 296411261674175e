import { randomBytes } from 'node:crypto'
import { Agent } from 'node:http'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { converse } from '@doublehop/daemon/conversation'
import { dial } from '@doublehop/daemon/dial'
import type { Leg } from '@doublehop/daemon/leg'
import { asFault } from '@doublehop/errors/fault'
import { staPlace } from '@doublehop/settings/sta-place'
import { askSta, checkReply } from '@doublehop/sta-client/ask'
import { identifySta } from '@doublehop/sta-client/identify'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { connectSocks, openSocks } from '@doublehop/wire/socks5-client'
import type { Credentials } from '@doublehop/wire/socks5-server'
import {
  encodeRequestData,
  GRANT_HEADER,
  parseResponseData,
  SESSION_HEADER,
} from '@doublehop/wire/sta-messages'
import { parseTicket, type Ticket } from '@doublehop/wire/ticket'
import { addressesOf, addressFor } from '@doublehop/wire/ticket-addresses'
import { contextOf } from './context.ts'
import type { PathProbe, Probe } from './plan.ts'
import { type PathRow, SOME_SERVER } from './result.ts'

/** On a CONNECT to an STA the certificate says who asks. */
const NOBODY = { username: '-', password: '-' }

/** What faults of an STA add for whoever has a ticket. */
const SPENT = /; the ticket may be spent$/

export interface PathOptions {
  readonly timeoutMilliseconds: number
  /** spent on the way on to the server: it is good for one launch */
  readonly ticket?: string | undefined
}

/**
 * Goes the way that a launch goes behind its first flow: through the proxy to the STA, and with a ticket on to the
 * server. What fails here is found by the zone behind; so this is never a finding.
 *
 * @param probe the flow it goes through, which has been found open
 */
export async function walk(path: PathProbe, probe: Probe, options: PathOptions): Promise<PathRow> {
  const { id, through, label, behind } = path
  const common = { id, through, behind: behind.map((one) => one.id), label }
  const onTheWay = new Walk(path, probe, options)
  try {
    const note = await onTheWay.go()
    return { ...common, verdict: 'PASS', note }
  } catch (error) {
    const see = behind[0]?.zone
    const { code, message } = asFault(error)
    const said = options.ticket === undefined ? message.replace(SPENT, '') : message
    // Who denies has an answer, such as that the ticket is spent: no firewall stands in the way.
    const { onTo } = code === 'DH_SOCKS_DENIED' ? {} : onTheWay
    const note = onTo === undefined ? said : `on to ${onTo}: ${said}`
    return { ...common, verdict: 'UNKNOWN', note, ...(onTo && { onTo }), ...(see && { see }) }
  }
}

class Walk {
  readonly #path: PathProbe
  readonly #probe: Probe
  readonly #options: PathOptions
  /** the server, by its address where that is known here, once nothing is left but to go there */
  onTo: string | undefined

  constructor(path: PathProbe, probe: Probe, options: PathOptions) {
    this.#path = path
    this.#probe = probe
    this.#options = options
  }

  /** @returns what was seen */
  async go(): Promise<string> {
    const { ticket } = this.#options
    if (ticket === undefined) return await this.#identify()
    const session = randomBytes(16).toString('hex')
    if (this.#path.redeemAt === 'proxy') {
      this.onTo = SOME_SERVER
      await this.#reach({ host: ticket, port: 2598 }, { username: session, password: '-' })
      return 'the proxy redeemed the ticket and reached the server'
    }
    const { server, grant } = await this.#redeem(parseTicket(ticket), session)
    this.onTo = isIP(server.host) === 0 ? SOME_SERVER : formatEndpoint(server)
    await this.#reach(server, { username: session, password: grant })
    return 'the ticket was redeemed and the server reached'
  }

  async #identify(): Promise<string> {
    const id = await identifySta(new URL(this.#path.sta), this.#asking())
    return id === undefined ? 'the STA answers' : `${id} answers`
  }

  async #redeem(ticket: Ticket, session: string): Promise<{ server: Endpoint; grant: string }> {
    const url = new URL(this.#path.sta)
    const { sta } = ticket.primary
    const question = {
      ...{ sta, url, body: encodeRequestData({ sta, hex: ticket.primary.reveal() }) },
      headers: { [SESSION_HEADER]: session },
    }
    const reply = await askSta(question, this.#asking())
    checkReply(sta, 'redeem a ticket', reply)
    const server = addressFor(2598, addressesOf(parseResponseData(reply.body, sta)))
    return { server, grant: String(reply.headers[GRANT_HEADER] ?? '-') }
  }

  async #reach(destination: Endpoint, credentials: Credentials): Promise<void> {
    const leg = await this.#connect(destination, credentials)
    leg.destroy()
  }

  async #connect(destination: Endpoint, credentials: Credentials): Promise<Leg> {
    const { from, to, port, tls } = this.#probe
    const milliseconds = this.#options.timeoutMilliseconds
    const context = tls && contextOf(tls)
    const leg = await dial(
      { host: to.address, port },
      {
        milliseconds,
        from: { v4: from.address, v6: from.address },
        tls: context && { context, serverName: tls.serverName ?? to.host ?? to.address },
      },
    )
    try {
      const limits = { what: `the answer of ${to.name}`, milliseconds }
      await converse(leg, openSocks(credentials), limits)
      await converse(leg, connectSocks(destination), limits)
      return leg
    } catch (error) {
      leg.destroy()
      throw error
    }
  }

  /** Each question has a connection of its own through the proxy. */
  #asking(): { readonly agent: Agent; readonly milliseconds: number } {
    const open = async (): Promise<Duplex> => {
      const leg = await this.#connect(staPlace(this.#path.sta).at, NOBODY)
      return leg.handOver()
    }
    return { agent: new ThroughAgent(open), milliseconds: this.#options.timeoutMilliseconds }
  }
}

class ThroughAgent extends Agent {
  readonly #open: () => Promise<Duplex>

  constructor(open: () => Promise<Duplex>) {
    super({ keepAlive: false })
    this.#open = open
  }

  override createConnection(
    _: object,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#open().then(
      (socket) => callback?.(null, socket),
      (error) => callback?.(asFault(error), undefined as unknown as Duplex),
    )
    return undefined
  }
}
