import { randomBytes } from 'node:crypto'
import type { Leg } from '@doublehop/daemon/leg'
import { concat } from '@doublehop/wire/conversation'
import type { Ticket } from '@doublehop/wire/ticket'
import type { GatewayAccess } from '@doublehop/workspace/gateway-access'
import { oddCgpFlight, SOCKS_GREETING, socksRequest } from './flights.ts'
import { until } from './wait.ts'

/** Long enough for a launch deadline, and for a machine that is busy. */
const PATIENCE = 40_000

/** What a client of an echo sees of its launch and session: every byte, and the end. */
export class Witness {
  readonly ticket: Ticket
  readonly #leg: Leg
  readonly #protocol: 'socks' | 'cgp'
  #heard: Buffer = Buffer.alloc(0)
  #ended = false

  private constructor(leg: Leg, ticket: Ticket, protocol: 'socks' | 'cgp') {
    this.#leg = leg
    this.ticket = ticket
    this.#protocol = protocol
    leg.listen({
      bytes: (chunk) => {
        this.#heard = Buffer.concat([this.#heard, chunk])
      },
      end: () => {
        this.#ended = true
        leg.end()
      },
      drain() {},
      close: () => {
        this.#ended = true
      },
    })
  }

  /** Connected, and greeted if it speaks SOCKS: the next it says is its ticket. */
  static async arrive(
    access: GatewayAccess,
    ticket: Ticket,
    protocol: 'socks' | 'cgp' = 'socks',
  ): Promise<Witness> {
    const witness = new Witness(await access.dial(), ticket, protocol)
    if (protocol === 'cgp') return witness
    witness.#leg.write(SOCKS_GREETING)
    await witness.#until(() => witness.#heard.length >= 2)
    witness.#heard = witness.#heard.subarray(2)
    return witness
  }

  /** A session that is open, and works. */
  static async inSession(access: GatewayAccess, ticket: Ticket): Promise<Witness> {
    const witness = await Witness.arrive(access, ticket)
    witness.ask()
    const fate = await witness.fate()
    if (fate !== 'session') throw new Error(`no session but ${fate}`)
    return witness
  }

  /** Sends the ticket. */
  ask(): void {
    this.#leg.write(
      this.#protocol === 'socks'
        ? socksRequest(this.ticket.reveal(), 2598)
        : concat(oddCgpFlight(this.ticket)),
    )
  }

  /** What becomes of it: its session, the code of its refusal, or `end`. */
  async fate(): Promise<string> {
    if (this.#protocol === 'socks' && !this.#inSession) {
      await this.#until(() => this.#ended || this.#heard.length >= 10)
      const reply = this.#heard[1]
      if (reply === undefined) return 'end'
      if (reply !== 0) {
        await this.#until(() => this.#ended)
        return this.#heard.length === 10 ? `0${reply}` : `bytes after a refusal: ${reply}`
      }
      this.#heard = this.#heard.subarray(10)
      this.#inSession = true
    }
    return (await this.echoes()) ? 'session' : 'end'
  }

  /** Whether the session carries bytes there and back; it does not when it has ended. */
  async echoes(): Promise<boolean> {
    const said = randomBytes(16)
    if (!this.#ended) this.#leg.write(said)
    await this.#until(() => this.#ended || this.#heard.includes(said))
    return this.#heard.includes(said)
  }

  /** Whether it has heard nothing at all. */
  get heardNothing(): boolean {
    return this.#heard.length === 0
  }

  leave(): void {
    this.#leg.destroy()
  }

  #inSession = false

  async #until(isSo: () => boolean): Promise<void> {
    await until(isSo, (so) => so, PATIENCE)
  }
}
