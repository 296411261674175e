import { fault } from '@doublehop/errors/fault'
import { type Conversation, take, takeByte } from './conversation.ts'
import { bytesOf } from './text.ts'
import { parseTicket, type Ticket } from './ticket.ts'

/**
 * The first flight of a CGP client: a signature, bytes that are opaque to us, and in them one ticket string.
 * The vendor's frames are not published, so nothing here reads them (docs/protocols.md, 2).
 */

/** 1A, the byte by which CGP is told from SOCKS5 and HTTP. */
export const CGP_FIRST_BYTE = 0x1a
/** `\x1aCGP/01` */
export const CGP_SIGNATURE = bytesOf('\x1aCGP/01')
/** A flight that holds no ticket within so many bytes is refused. */
export const CGP_FLIGHT_LIMIT = 4096

export interface CgpFlight {
  readonly ticket: Ticket
  /** signature to the byte that ended the ticket: goes to the VDA unchanged, in one write */
  readonly bytes: Uint8Array
}

const TICKET_AT_END =
  /;(?:(?:10|20|22|40);STA[0-9A-Za-z]{1,13};[0-9A-F]{30,32}|42;STA[0-9A-Za-z]{1,13};[0-9A-F]{30,32};STA[0-9A-Za-z]{1,13};[0-9A-F]{30,32})$/
const LONGEST_TICKET = 112

/**
 * Reads a flight up to and with the byte that ends its ticket, the first that is no hex digit.
 *
 * @throws Fault DH_CGP_SIGNATURE, DH_CGP_NO_TICKET, DH_TICKET_FORM (a run of more than 32 hex digits)
 */
export function* acceptCgp(): Conversation<CgpFlight> {
  const flight = new Uint8Array(CGP_FLIGHT_LIMIT)
  flight.set(yield* take(CGP_SIGNATURE.length))
  if (!CGP_SIGNATURE.every((byte, at) => flight[at] === byte)) throw fault('DH_CGP_SIGNATURE', {})
  let digits = 0
  for (let length = CGP_SIGNATURE.length; length < CGP_FLIGHT_LIMIT; ) {
    const byte = yield* takeByte()
    const ticket =
      digits >= 30 && !isHexDigit(byte) ? ticketAtEnd(flight.subarray(0, length)) : undefined
    flight[length++] = byte
    if (ticket !== undefined) return { ticket, bytes: flight.slice(0, length) }
    digits = isHexDigit(byte) ? digits + 1 : 0
    if (digits > 32 && ticketAtEnd(flight.subarray(0, length - 1)) !== undefined) {
      throw fault('DH_TICKET_FORM', { why: 'its secret is longer than 32 digits' })
    }
  }
  throw fault('DH_CGP_NO_TICKET', { bytes: CGP_FLIGHT_LIMIT })
}

function ticketAtEnd(flight: Uint8Array): Ticket | undefined {
  const tail = String.fromCharCode(...flight.subarray(-LONGEST_TICKET))
  const [text] = TICKET_AT_END.exec(tail) ?? []
  return text === undefined ? undefined : parseTicket(text)
}

/** Either case: a lower-case digit makes the run longer, and so no ticket. */
function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || ((byte & 0xdf) >= 0x41 && (byte & 0xdf) <= 0x46)
}

/** A flight of our own around a ticket, for the workspace: signature, an opaque body, the ticket, a zero byte. */
export function encodeCgpFlight(ticket: Ticket): Uint8Array {
  return bytesOf(`\x1aCGP/01\0doublehop\0${ticket.reveal()}\0`)
}
