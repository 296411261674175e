import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import { concat } from '@doublehop/wire/conversation'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Ticket } from '@doublehop/wire/ticket'
import { SOCKS_GREETING, socksRequest } from './flights.ts'

/** How far a client comes before it leaves. */
export const STAGES = ['handshake', 'ticket wait', 'dial', 'spliced'] as const
export type Stage = (typeof STAGES)[number]

/** How it leaves: by FIN, by RST, or by never saying anything again, which a limit ends. */
export const KINDS = ['FIN', 'RST', 'vanish'] as const
export type Kind = (typeof KINDS)[number]

const PART_OF_A_HELLO = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)
/** Method reply and CONNECT reply. */
const REPLIES = 2 + 10

/** A client that leaves before it should. It holds on to nothing, and nothing holds on to it, once it is gone. */
export class Aborting {
  /** nothing is left of it */
  readonly gone: Promise<void>
  readonly #raw: Socket
  readonly #socket: Socket
  #heard = 0
  #wake: () => void = () => {}

  /** @param context what its TLS trusts; a client that does not come beyond the handshake has none */
  constructor(at: Endpoint, context: SecureContext | undefined) {
    this.#raw = connectTcp({ ...at, allowHalfOpen: true, noDelay: true }).on('error', () => {})
    this.#socket =
      context === undefined
        ? this.#raw
        : connectTls({ socket: this.#raw, secureContext: context, servername: 'localhost' })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.gone = promise
    this.#socket
      .on('error', () => {})
      .on('data', (bytes: Buffer) => {
        this.#heard += bytes.length
        this.#wake()
      })
      .on('end', () => this.#socket.end())
    this.#raw.once('close', () => {
      resolve()
      this.#wake()
    })
  }

  /** Comes as far as its own side can tell. */
  async reach(stage: Stage, ticket: Ticket | undefined): Promise<void> {
    if (stage === 'handshake') return void this.#socket.write(PART_OF_A_HELLO)
    const asks = ticket === undefined ? [] : [socksRequest(ticket.reveal(), 2598)]
    this.#socket.write(concat(SOCKS_GREETING, ...asks))
    await this.#hear(stage === 'spliced' ? REPLIES : 2)
  }

  leave(kind: Kind): void {
    if (kind === 'FIN') this.#socket.end()
    if (kind === 'RST') this.#raw.resetAndDestroy()
  }

  async #hear(count: number): Promise<void> {
    while (this.#heard < count) {
      if (this.#raw.closed) throw new Error(`it was let go after ${this.#heard} bytes`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
