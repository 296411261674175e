import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { isFault } from '@doublehop/errors/fault'
import t from 'tap'
import {
  isAllZero,
  isStaId,
  isTicketHex,
  looksLikeTicket,
  parseTicket,
  StaTicket,
  Ticket,
} from '../src/ticket.ts'
import * as arbitrary from './arbitraries.ts'
import { holds, throwsOnlyFaults } from './property.ts'

const HEX = '6C0EE48D2E8CADFEE6D1EB93BFB52A57'
const HEX2 = 'DBA68EAF468E90456AEDE31F1CFBD8'
const single = `;40;STA475DE9C8ABDA;${HEX}`
const double = `;42;STA343530117;${HEX};STA906839512;${HEX2}`

t.test('tickets as they are seen in the field', async (t) => {
  const old = parseTicket(';10;STA02;BA9023C39E8FBDCD0BB5928A5D0A947B')
  t.equal(old.version, 10)
  t.equal(old.primary.sta, 'STA02')
  t.equal(old.primary.reveal(), 'BA9023C39E8FBDCD0BB5928A5D0A947B')
  t.equal(old.redundant, undefined)

  const usual = parseTicket(';40;STA475DE9C8ABDA;6C0EE48D2E8CADFEE6D1EB93BFB52A57')
  t.equal(usual.version, 40)
  t.equal(usual.primary.sta, 'STA475DE9C8ABDA')

  const both = parseTicket(
    ';42;STA343530117;D1B5869135ED230DBFA95E563F8B68;STA906839512;DBA68EAF468E90456AEDE31F1CFBD8',
  )
  t.equal(both.version, 42)
  t.equal(both.primary.sta, 'STA343530117')
  t.equal(both.primary.reveal(), 'D1B5869135ED230DBFA95E563F8B68')
  t.equal(both.redundant?.sta, 'STA906839512')
  t.equal(both.redundant?.reveal(), 'DBA68EAF468E90456AEDE31F1CFBD8')
})

t.test('each version has its number of fields', async (t) => {
  for (const version of [10, 20, 22, 40]) {
    t.equal(parseTicket(`;${version};STA1;${HEX}`).version, version)
    t.throws(() => parseTicket(`;${version};STA1;${HEX};STA2;${HEX}`), { code: 'DH_TICKET_FORM' })
  }
  t.throws(() => parseTicket(`;42;STA1;${HEX}`), { code: 'DH_TICKET_FORM' })
})

t.test('what is no ticket is refused', async (t) => {
  const others = [
    ...[
      '',
      ';',
      ';40',
      ';40;',
      ';40;STA1',
      ';40;STA1;',
      ';;STA1;',
      `40;STA1;${HEX}`,
      ` ;40;STA1;${HEX}`,
    ],
    ...[
      `;40;STA1;${HEX} `,
      `;40;STA1;${HEX}\n`,
      `;40;STA1;${HEX};`,
      `;40;STA1;${HEX};x`,
      `x;40;STA1;${HEX}`,
    ],
    ...[
      `;11;STA1;${HEX}`,
      `;040;STA1;${HEX}`,
      `;40 ;STA1;${HEX}`,
      `;４0;STA1;${HEX}`,
      `;4;STA1;${HEX}`,
    ],
    ...[`;40;STA;${HEX}`, `;40;sta1;${HEX}`, `;40;STA1-2;${HEX}`, `;40;STA01234567890123;${HEX}`],
    ...[
      `;40;STA1;${HEX.toLowerCase()}`,
      `;40;STA1;${HEX}0`,
      `;40;STA1;${HEX.slice(1)}`,
      `;40;STA1;${HEX.slice(3)}`,
    ],
    ...[
      `;40;STA1;G${HEX.slice(1)}`,
      `;42;STA1;${HEX};STA2;${HEX.slice(1)}`,
      `;42;STA1;${HEX};X;${HEX}`,
    ],
    ...[`;42;STA1;${HEX};STA2;${HEX};`, `${single};${'x'.repeat(120)}`, 'vda.example', '10.0.0.5'],
  ]
  for (const other of others) {
    t.throws(() => parseTicket(other), { code: 'DH_TICKET_FORM' }, JSON.stringify(other))
  }
})

t.test('an STA id is STA and 1 to 13 letters or digits', async (t) => {
  for (const id of ['STA1', 'STAa', 'STA0123456789ABC']) t.ok(isStaId(id), id)
  for (const id of ['', 'STA', 'sta1', 'STA1-', 'STA01234567890123', 'STA1\n', 'XSTA1'])
    t.notOk(isStaId(id), id)
})

t.test('a secret is 30 or 32 upper-case hex digits', async (t) => {
  for (let length = 0; length < 40; length++) {
    t.equal(isTicketHex('0'.repeat(length)), length === 30 || length === 32, `${length} digits`)
  }
  t.notOk(isTicketHex(HEX.toLowerCase()))
  t.notOk(isTicketHex(`${HEX}\n`))
})

t.test('the ticket that probes ask about is all zeros', async (t) => {
  t.ok(isAllZero('0'.repeat(30)))
  t.ok(isAllZero('0'.repeat(32)))
  t.notOk(isAllZero(`${'0'.repeat(31)}1`))
  t.notOk(isAllZero(`1${'0'.repeat(31)}`))
  t.notOk(isAllZero(''))
})

t.test('a text that claims to be a ticket begins with a semicolon', async (t) => {
  t.ok(looksLikeTicket(single))
  t.ok(looksLikeTicket(';anything'))
  t.notOk(looksLikeTicket('a;b'))
  t.notOk(looksLikeTicket(''))
})

t.test('a ticket is remembered by the SHA-256 of its whole string', async (t) => {
  const digest = createHash('sha256').update(double).digest('hex')
  t.equal(parseTicket(double).digest(), digest)
  t.not(parseTicket(single).digest(), parseTicket(single.replace(';40;', ';22;')).digest())
})

/** Any five digits of a secret in a row: four are shown on purpose. */
function leaks(text: string): boolean {
  return [HEX, HEX2].some((secret) =>
    Array.from({ length: secret.length - 4 }, (_, at) => secret.slice(at, at + 5)).some((part) =>
      text.toUpperCase().includes(part),
    ),
  )
}

function keyByKey(object: object): string {
  let text = ''
  for (const key in object) text += `${key}:${JSON.stringify(object[key as keyof typeof object])}`
  return text
}

t.test('however a ticket is printed, its secret is not', async (t) => {
  t.ok(leaks(single), 'the secret would be found')
  const own = Symbol('ticket')
  for (const ticket of [parseTicket(single), parseTicket(double), new StaTicket('STA1', HEX)]) {
    const holder = { ticket, deep: [{ ticket: { ticket } }], [own]: ticket }
    const printed = {
      'JSON.stringify': JSON.stringify(holder),
      'JSON.stringify of an entry': JSON.stringify(Object.assign({}, ticket)),
      'util.inspect': inspect(holder),
      'util.inspect of everything': inspect(holder, {
        depth: Infinity,
        showHidden: true,
        getters: true,
      }),
      'util.inspect of the bare object': inspect(holder, {
        depth: Infinity,
        showHidden: true,
        customInspect: false,
      }),
      template: `${ticket}`,
      concatenation: `${[ticket]}`,
      'String()': String(ticket),
      'a Map': inspect(new Map([[ticket, ticket]])),
      keys: Object.entries(ticket).flat().join(),
      names: JSON.stringify(Object.getOwnPropertyDescriptors(ticket)),
      clone: inspect(structuredClone(Object.assign({}, ticket)), {
        depth: Infinity,
        showHidden: true,
      }),
      error: inspect(new Error(`${ticket}`, { cause: ticket })),
      'key by key, as a logger does': keyByKey(ticket),
    }
    for (const [way, text] of Object.entries(printed)) t.notOk(leaks(text), `${way}: ${text}`)
  }
})

t.test('a masked ticket can still be found in a log', async (t) => {
  t.equal(String(parseTicket(single)), ';40;STA475DE9C8ABDA;6C0E…')
  t.equal(String(parseTicket(double)), ';42;STA343530117;6C0E…;STA906839512;DBA6…')
  t.equal(JSON.stringify({ t: new StaTicket('STA1', HEX) }), '{"t":"STA1;6C0E…"}')
  t.equal(inspect([new StaTicket('STA1', HEX)]), '[ STA1;6C0E… ]')
})

t.test('the refusal of a malformed ticket does not tell its digits', async (t) => {
  const malformed = [
    `;40;${HEX};STA1`,
    `;40;STA1;${HEX}0`,
    `;40;STA1;${HEX.toLowerCase()}`,
    `;${HEX}`,
    `;${HEX};STA1;40`,
    `;40;${HEX};${HEX}`,
    `;42;STA1;${HEX};${HEX2};STA2`,
    `;40;STA1;${HEX};${HEX2}`,
    HEX,
  ]
  for (const text of malformed) {
    try {
      parseTicket(text)
      t.fail(`${text} was taken`)
    } catch (caught) {
      t.ok(isFault(caught, 'DH_TICKET_FORM'))
      t.notOk(leaks(inspect(caught, { depth: Infinity }) + JSON.stringify(caught)), text)
    }
  }
})

t.test('a ticket object is checked as the string is', async (t) => {
  t.throws(() => new StaTicket('STA', HEX), { code: 'DH_TICKET_FORM' })
  t.throws(() => new StaTicket('STA1', HEX.slice(1)), { code: 'DH_TICKET_FORM' })
})

holds<[Ticket]>(t, 'a ticket that is written reads the same', [arbitrary.ticket], (ticket) => {
  const read = parseTicket(ticket.reveal())
  assert.equal(read.reveal(), ticket.reveal())
  assert.equal(read.version, ticket.version)
  assert.equal(read.primary.sta, ticket.primary.sta)
  assert.equal(read.redundant?.reveal(), ticket.redundant?.reveal())
  assert.ok(read instanceof Ticket)
})

throwsOnlyFaults(
  t,
  'no text makes the reader of a ticket throw anything but a Fault',
  arbitrary.nearlyText(arbitrary.ticket.map((ticket) => ticket.reveal())),
  parseTicket,
)
