import { concat } from '@doublehop/wire/conversation'
import { COMMAND, encodeAddress, VERSION } from '@doublehop/wire/socks5-messages'
import { bytesOf } from '@doublehop/wire/text'
import type { Ticket } from '@doublehop/wire/ticket'

/** What a client says first, byte by byte, for tests that speak for themselves. */

/** The greeting of a SOCKS client that needs no login. */
export const SOCKS_GREETING = Uint8Array.of(VERSION, 1, 0)

/** A SOCKS request (RFC 1928, 4). @param host a ticket, an address or a name */
export function socksRequest(
  host: string,
  port: number,
  command: number = COMMAND.connect,
): Uint8Array {
  return concat(Uint8Array.of(VERSION, command, 0), encodeAddress({ host, port }))
}

/** A CGP flight with a body like no client's: every byte there is before the ticket, and a line feed behind it. */
export function oddCgpFlight(ticket: Ticket): Uint8Array {
  const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  return concat(bytesOf('\x1aCGP/01'), everyByte, bytesOf(`${ticket.reveal()}\n`))
}
