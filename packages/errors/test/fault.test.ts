import { inspect } from 'node:util'
import t from 'tap'
import { asFault, Fault, fault, isFault } from '../src/fault.ts'

t.test('a fault tells what happened, where, and what to do next', async (t) => {
  const one = fault('DH_STA_TIMEOUT', { sta: 'STA01', seconds: 5 })
  t.ok(one instanceof Error)
  t.equal(one.name, 'Fault')
  t.equal(one.code, 'DH_STA_TIMEOUT')
  t.equal(one.class, 'timeout')
  t.equal(one.fault, 'network')
  t.equal(one.message, 'STA STA01 did not answer within 5 s; the ticket may be spent')
  t.match(one.action, /launch again/)
  t.same(one.details, { sta: 'STA01', seconds: 5 })
  t.match(one.stack, /fault\.test\.ts/, 'and where in the code')
  t.match(String(one), /^Fault: STA STA01/)
})

t.test('values stand in the action too', async (t) => {
  t.equal(
    fault('DH_LAB_DAEMON', { daemon: 'sta', why: 'x', log: 'sta.log' }).action,
    'read its log: sta.log',
  )
})

t.test(
  'the compiler asks for every value; at run time one that is missing is a question mark',
  async (t) => {
    // @ts-expect-error the message asks for sta
    t.match(fault('DH_TICKET_UNKNOWN', {}).message, /^STA \? does not know/)
    // @ts-expect-error the message asks for sta, nothing asks for this
    t.match(fault('DH_TICKET_UNKNOWN', { st: 'STA01' }).message, /^STA \? does not know/)
  },
)

t.test('the cause is kept, if there is one', async (t) => {
  const cause = new Error('why')
  t.equal(fault('DH_CLIENT_GONE', { step: 'redeem' }, cause).cause, cause)
  t.notOk('cause' in fault('DH_CLIENT_GONE', { step: 'redeem' }))
})

t.test('a fault is known by its code', async (t) => {
  const one = fault('DH_TICKET_USED', { sta: 'STA01' })
  t.ok(isFault(one))
  t.ok(isFault(one, 'DH_TICKET_USED'))
  t.ok(isFault(one, 'DH_TICKET_UNKNOWN', 'DH_TICKET_USED'))
  t.notOk(isFault(one, 'DH_TICKET_UNKNOWN'))
  for (const other of [
    new Error('DH_TICKET_USED'),
    Object.assign({}, one),
    undefined,
    null,
    'DH_TICKET_USED',
  ]) {
    t.notOk(isFault(other))
  }
})

t.test('whatever was caught becomes a fault', async (t) => {
  const one = fault('DH_TICKET_USED', { sta: 'STA01' })
  t.equal(asFault(one), one)

  const error = new TypeError('x is not a function')
  t.match(asFault(error), {
    code: 'DH_INTERNAL',
    message: 'unexpected: x is not a function',
    cause: error,
  })
  t.match(asFault(new AggregateError([])), { message: 'unexpected: AggregateError' })
  t.match(asFault('text'), { code: 'DH_INTERNAL', message: 'unexpected: text' })
  t.match(asFault(Symbol('s')), { message: 'unexpected: Symbol(s)' })

  const hostile = {
    toString() {
      throw new Error('again')
    },
  }
  for (const odd of [undefined, null, 0, {}, Object.create(null), hostile, () => {}]) {
    const caught = asFault(odd)
    t.ok(caught instanceof Fault)
    t.match(caught.message, /^unexpected: ./, inspect(odd))
  }
})

// ── a stranger's bytes in a message ──

const told = (what: string) => fault('DH_INTERNAL', { what }).message.replace('unexpected: ', '')

t.test('no value moves a cursor, begins a line or turns the direction of text', async (t) => {
  const controls = [...Array(0x20).keys(), ...Array.from({ length: 0x21 }, (_, at) => 0x7f + at)]
  const directions = [
    0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069,
  ]
  const invisible = [
    0x200b, 0x200c, 0x200d, 0x2028, 0x2029, 0x2060, 0xfeff, 0xfff9, 0xffff, 0xd800, 0xdfff, 0xe0041,
  ]
  for (const code of [...controls, ...directions, ...invisible]) {
    t.match(told(`a${String.fromCodePoint(code)}b`), /^a·+b$/, code.toString(16))
  }
  t.equal(told('\x1b[2Jgone\r\nINFO forged'), '·[2Jgone··INFO forged')
})

t.test('text of all languages stays readable', async (t) => {
  for (const text of [
    'jürgen',
    '日本語',
    'Ελληνικά',
    'a b\u00a0c',
    '€ 5',
    'naïve…',
    '👍',
    '{sta} $& $1 \\n %s',
  ]) {
    t.equal(told(text), text)
  }
})

t.test('no value is long', async (t) => {
  t.equal(told('x'.repeat(300)), 'x'.repeat(300))
  t.equal(told('x'.repeat(301)), `${'x'.repeat(300)}…`)
  t.equal(told('x'.repeat(10_000_000)), `${'x'.repeat(300)}…`)
  t.equal(
    told(`${'x'.repeat(299)}👍`),
    `${'x'.repeat(299)}·…`,
    'and none is cut in the middle of a character',
  )
})

t.test('a value that looks like a placeholder is not filled again', async (t) => {
  const one = fault('DH_STA_LOST', { sta: '{why}', why: '{sta}' })
  t.match(one.message, /STA \{why\} broke .*: \{sta\}$/)
})

t.test('numbers are told as they are', async (t) => {
  t.match(fault('DH_LAUNCH_PORT', { port: 0 }).message, /port 0;/)
})

t.test('no value shows the digits of a ticket', async (t) => {
  const digits = '0123456789ABCDEF0123456789ABCD'
  t.equal(told(`40;STA01;${digits}`), '40;STA01;0123…')
  t.equal(told(`${digits}EF:2598`), '0123…:2598')
  t.equal(told(digits.toLowerCase()), '0123…')
  t.equal(
    told(`${'x'.repeat(280)}${digits}`),
    `${'x'.repeat(280)}0123…`,
    'not even where it is cut',
  )
  t.equal(told(digits.slice(1)), digits.slice(1), '29 digits are no ticket')
})
