import fc from 'fast-check'
import type { Endpoint } from '../src/endpoint.ts'
import { formatIp } from '../src/ip.ts'
import type { TicketData } from '../src/sta-messages.ts'
import { StaTicket, Ticket } from '../src/ticket.ts'

/** The things that our wires carry, at random. */

/** Objects as a literal makes them, so that they compare with what our readers return. */
export const record = <T extends object>(parts: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
  fc.record<T>(parts, { noNullPrototype: true })

/** Any string at all, halves of surrogate pairs and control characters among it. */
export const wildText = ({ minLength = 0, maxLength = 24 } = {}) =>
  fc
    .array(fc.oneof(fc.nat({ max: 0xffff }), fc.integer({ min: 0x20, max: 0x7e })), {
      minLength,
      maxLength,
    })
    .map((units) => String.fromCharCode(...units))

export const port = fc.oneof(fc.integer({ min: 0, max: 65535 }), fc.constantFrom(0, 80, 1494, 2598))

export const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 })

/** Zero words are frequent, so that there is something to compress. */
export const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
    minLength: 8,
    maxLength: 8,
  })
  .map((words) => Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255])))

export const ip = fc.oneof(ipv4, ipv6)

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9_-]{0,6}[a-z0-9])?$/)
const lastLabel = fc.stringMatching(/^[a-z]([a-z0-9-]{0,6}[a-z0-9])?$/)

/** A lower-case host name. */
export const hostName = fc
  .tuple(fc.array(label, { maxLength: 3 }), lastLabel)
  .map(([front, last]) => [...front, last].join('.'))

/** A place in its one spelling: an address or a name. */
export const endpoint: fc.Arbitrary<Endpoint> = record({
  host: fc.oneof(ip.map(formatIp), hostName),
  port,
})

const staId = fc.stringMatching(/^STA[0-9A-Za-z]{1,13}$/)
const hex = fc
  .tuple(fc.constantFrom(30, 32), fc.stringMatching(/^[0-9A-F]{32}$/))
  .map(([length, digits]) => digits.slice(0, length))

export const staTicket = fc.tuple(staId, hex).map(([sta, digits]) => new StaTicket(sta, digits))

export const ticket = fc.oneof(
  fc.tuple(fc.constantFrom(10, 20, 22, 40), staTicket).map((parts) => new Ticket(...parts)),
  fc.tuple(staTicket, staTicket).map((halves) => new Ticket(42, ...halves)),
)

/** A character of XML 1.0 (its production 2), or a piece of text that looks like markup. */
const xmlPiece = fc.oneof(
  fc.integer({ min: 0x20, max: 0x7e }).map(String.fromCodePoint),
  fc.constantFrom('\t', '\n', '\r', '\r\n', '\u0085', '\u2028', '\ufeff', '\ufffd', '\u{10ffff}'),
  fc.constantFrom(
    ']]>',
    '<!--',
    '-->',
    '<![CDATA[',
    '&amp;',
    '&#10;',
    '&lt;',
    '<?xml?>',
    '</Value>',
  ),
  fc.integer({ min: 0x7f, max: 0xd7ff }).map(String.fromCodePoint),
  fc.integer({ min: 0xe000, max: 0xfffd }).map(String.fromCodePoint),
  fc.integer({ min: 0x10000, max: 0x10ffff }).map(String.fromCodePoint),
)

/** Any text that XML can carry. */
export const xmlText = fc.array(xmlPiece, { maxLength: 24 }).map((pieces) => pieces.join(''))

export const ticketData: fc.Arbitrary<TicketData> = fc.array(
  record({
    name: fc.oneof(fc.constantFrom('CGPAddress', 'ICAAddress', 'XData'), xmlText),
    value: xmlText,
  }),
  { maxLength: 8 },
)

/** Bytes of a stranger: some mixed at random, most of them a good message with a few bytes changed. */
export function nearly(good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 })
  const damaged = fc.tuple(good, changes, fc.nat()).map(([bytes, changed, cut]) => {
    const copy = bytes.slice()
    for (const [at, byte] of changed) if (copy.length > 0) copy[at % copy.length] = byte
    return cut % 4 === 0 ? copy.subarray(0, cut % (copy.length + 1)) : copy
  })
  return fc.oneof({ arbitrary: damaged, weight: 3 }, { arbitrary: fc.uint8Array(), weight: 1 })
}

/** Text of a stranger: the same for text. */
export function nearlyText(good: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const changes = fc.array(fc.tuple(fc.nat(), wildText({ maxLength: 2 })), {
    maxLength: 3,
  })
  const damaged = fc.tuple(good, changes).map(([text, changed]) =>
    changed.reduce((whole, [at, piece]) => {
      const cut = at % (whole.length + 1)
      return whole.slice(0, cut) + piece + whole.slice(cut + 1)
    }, text),
  )
  return fc.oneof({ arbitrary: damaged, weight: 3 }, { arbitrary: wildText(), weight: 1 })
}
