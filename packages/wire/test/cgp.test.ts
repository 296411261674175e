import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { acceptCgp, CGP_FLIGHT_LIMIT, CGP_SIGNATURE, encodeCgpFlight } from '../src/cgp.ts'
import { concat, Dialogue } from '../src/conversation.ts'
import { bytesOf } from '../src/text.ts'
import type { Ticket } from '../src/ticket.ts'
import * as arbitrary from './arbitraries.ts'
import { heard } from './converse.ts'
import { cpuTime } from './cpu.ts'
import { holds, throwsOnlyFaults } from './property.ts'
import { readTranscript, transcript } from './transcript.ts'

const gateway = { speaks: 'S' as const, conversation: acceptCgp }

/** The bytes of a transcript with one line. */
const line = (text: string) => concat(...readTranscript(text).map(({ bytes }) => bytes)).toHex()

const T30 = 'E22678CF749AB3225AB0D11FC3C9A5'
const T32 = '6C0EE48D2E8CADFEE6D1EB93BFB52A57'

const flights = {
  'a flight with a ticket of 32 digits, ended by a zero byte': {
    wire: `C 1a "CGP/01" 00 07 ff "opaque" 00 ";40;STA475DE9C8ABDA;${T32}" 00`,
    ticket: `;40;STA475DE9C8ABDA;${T32}`,
  },
  'a ticket of 30 digits, ended by any byte that is no hex digit': {
    wire: `C 1a "CGP/01" ";10;STA02;${T30}" ff`,
    ticket: `;10;STA02;${T30}`,
  },
  'a ticket right behind the signature, ended by a semicolon': {
    wire: `C 1a "CGP/01;20;STA1;${T32};"`,
    ticket: `;20;STA1;${T32}`,
  },
  'the two tickets of a 42, the second of which ends the flight': {
    wire: `C 1a "CGP/01" 00 ";42;STA343530117;D1B5869135ED230DBFA95E563F8B68;STA906839512;DBA68EAF468E90456AEDE31F1CFBD8" 00`,
    ticket:
      ';42;STA343530117;D1B5869135ED230DBFA95E563F8B68;STA906839512;DBA68EAF468E90456AEDE31F1CFBD8',
  },
  'the longest ticket there is': {
    wire: `C 1a "CGP/01" 00 ";42;STA0123456789ABC;${T32};STADEF0123456789;${T32}" 0a`,
    ticket: `;42;STA0123456789ABC;${T32};STADEF0123456789;${T32}`,
  },
  'hex digits that are no ticket are opaque bytes': {
    wire: `C 1a "CGP/01" "${'0'.repeat(100)}" 00 ";40;${T32}" 00 "STA1;${T32}" 00 ";22;STA1;${T32}" 00`,
    ticket: `;22;STA1;${T32}`,
  },
  'lower-case digits are no ticket': {
    wire: `C 1a "CGP/01" ";40;STA1;${T32.toLowerCase()}" 00 ";40;STA1;${T32}" 00`,
    ticket: `;40;STA1;${T32}`,
  },
  'an upper-case ticket that runs on in lower case is none either': {
    wire: `C 1a "CGP/01" ";40;STA1;${T30}a" 00 ";40;STA2;${T32}" 00`,
    ticket: `;40;STA2;${T32}`,
  },
  'an STA id that is too long is none': {
    wire: `C 1a "CGP/01" ";40;STA01234567890123;${T32}" 00 ";42;STA1;${T32};STA01234567890123;${T32}" 00 ";40;STA2;${T32}" 00`,
    ticket: `;40;STA2;${T32}`,
  },
  'a version that is not read is no ticket': {
    wire: `C 1a "CGP/01" ";11;STA1;${T32}" 00 ";40;STA2;${T32}" 00`,
    ticket: `;40;STA2;${T32}`,
  },
  'the first ticket counts, another one behind it is early data': {
    wire: `C 1a "CGP/01" ";40;STA1;${T32}" 00`,
    ticket: `;40;STA1;${T32}`,
  },
}
for (const [promise, { wire, ticket }] of Object.entries(flights)) {
  transcript(t, promise, { ...gateway, wire, returns: { ticket, bytes: line(wire) } })
}

transcript(t, 'a flight that begins as CGP and goes on otherwise', {
  ...gateway,
  wire: 'C 1a "CGP/02"',
  throws: 'DH_CGP_SIGNATURE',
})

transcript(t, 'a run of more than 32 digits is no ticket, and is refused at its 33rd', {
  ...gateway,
  wire: `C 1a "CGP/01" ";40;STA1;${T32}" "0"`,
  throws: 'DH_TICKET_FORM',
})

transcript(t, 'a ticket of 31 digits is refused', {
  ...gateway,
  wire: `C 1a "CGP/01" ";40;STA1;${T30}" "0" 00`,
  throws: 'DH_TICKET_FORM',
})

t.test('every byte but a hex digit ends a ticket', async (t) => {
  for (let byte = 0; byte < 256; byte++) {
    const flight = concat(bytesOf(`\x1aCGP/01;40;STA1;${T32}`), Uint8Array.of(byte))
    if (/[0-9a-fA-F]/.test(String.fromCharCode(byte))) {
      t.throws(() => heard(acceptCgp(), flight), { code: 'DH_TICKET_FORM' }, `${byte}`)
    } else t.equal(heard(acceptCgp(), flight)?.bytes.toHex(), flight.toHex(), `${byte}`)
  }
})

t.test('a ticket must end within 4096 bytes', async (t) => {
  const ticket = bytesOf(`;40;STA1;${T32}\0`)
  const room = CGP_FLIGHT_LIMIT - CGP_SIGNATURE.length - ticket.length
  const last = concat(CGP_SIGNATURE, new Uint8Array(room), ticket)
  t.equal(last.length, 4096)
  t.equal(heard(acceptCgp(), last)?.bytes.toHex(), last.toHex(), 'its end is byte 4096')

  const late = concat(CGP_SIGNATURE, new Uint8Array(room + 1), ticket)
  t.throws(() => heard(acceptCgp(), late), { code: 'DH_CGP_NO_TICKET' }, 'byte 4097')

  const none = concat(CGP_SIGNATURE, new Uint8Array(CGP_FLIGHT_LIMIT - CGP_SIGNATURE.length))
  t.equal(heard(acceptCgp(), none.subarray(0, 4095)), undefined, 'waits')
  t.throws(() => heard(acceptCgp(), none), { code: 'DH_CGP_NO_TICKET' }, 'and gives up')
})

t.test('the flight is a copy, which no later read overwrites', async (t) => {
  const bytes = bytesOf(`\x1aCGP/01;40;STA1;${T32}\0early`)
  const dialogue = new Dialogue(acceptCgp(), () => {})
  dialogue.feed(bytes)
  bytes.fill(0xee)
  t.equal(
    Buffer.from(dialogue.outcome?.result.bytes ?? []).toString(),
    `\x1aCGP/01;40;STA1;${T32}\0`,
  )
  t.equal(Buffer.from(dialogue.unread).toString(), 'early')
})

t.test('no flight costs much, whatever it is full of', async (t) => {
  const digits = '0123456789ABCDEF'.repeat(256)
  const almost = `;42;STA0123456789ABC;${T32};STA0123456789ABC;${T30}a`.repeat(41)
  for (const body of [digits, almost, ';'.repeat(4096)]) {
    const spent = cpuTime(() =>
      t.throws(() => heard(acceptCgp(), bytesOf(`\x1aCGP/01${body}`)), { name: 'Fault' }),
    )
    t.ok(spent < 500, `${body.slice(0, 40)}… is judged at once`)
  }
})

holds<[Ticket, Uint8Array, Uint8Array]>(
  t,
  'the flight that our workspace sends leads to its ticket, and what follows is left over',
  [arbitrary.ticket, fc.uint8Array(), fc.uint8Array()],
  (ticket, early, more) => {
    const flight = encodeCgpFlight(ticket)
    const dialogue = new Dialogue(acceptCgp(), () => {})
    dialogue.feed(concat(flight, early))
    dialogue.feed(more)
    const result = dialogue.outcome?.result
    assert.equal(result?.ticket.reveal(), ticket.reveal())
    assert.equal(result?.bytes.toHex(), flight.toHex())
    assert.equal(dialogue.unread.toHex(), concat(early, more).toHex())
  },
)

throwsOnlyFaults(
  t,
  'no bytes make the reader of a flight throw anything but a Fault',
  arbitrary
    .nearly(
      fc
        .tuple(fc.uint8Array(), arbitrary.ticket)
        .map(([opaque, ticket]) => concat(opaque, bytesOf(`${ticket.reveal()}\0`))),
    )
    .map((body) => concat(CGP_SIGNATURE, body)),
  (bytes) => heard(acceptCgp(), bytes),
)
