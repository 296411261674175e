import t from 'tap'
import { Gatherer } from '../../src/trace/gather.ts'
import { parseLine } from '../../src/trace/log-line.ts'
import { ServerLines } from '../../src/trace/server-lines.ts'
import { but, closed, GOOD, gathered, line, SESSION, step, upTo } from './transcript.ts'

const id = (number: number): string => number.toString(16).padStart(32, '0')

t.test('lines of other sessions, other programs and none at all are passed over', async (t) => {
  const [one, ...others] = gathered([
    'Started doublehop-gateway.service',
    '',
    '{"level":30,"msg":"another program"}',
    GOOD.ticket.slice(0, -20),
    but(GOOD.ticket, { session: id(1) }),
    but(GOOD.ticket, { time: 'yesterday' }),
    but(GOOD.ticket, { session: 7 }),
    `nonsense ${SESSION} {"daemon":`,
    ...upTo('splice'),
  ])
  t.same([one?.session, one?.lines.length, others], [SESSION, 9, []])
})

t.test('a collector may put words before a line', async (t) => {
  t.equal(gathered([`gateway-1  | ${GOOD.ticket}`])[0]?.lines.length, 1)
})

t.test('a file that is named twice says nothing twice', async (t) => {
  t.equal(gathered([...upTo('splice'), ...upTo('splice')])[0]?.lines.length, 9)
})

t.test('two sessions may begin alike', async (t) => {
  const twin = `${SESSION.slice(0, 8)}${'0'.repeat(24)}`
  const lines = [GOOD.ticket, but(GOOD.ticket, { session: twin })]
  t.same(
    gathered(lines, [SESSION.slice(0, 6)]).map(({ session }) => session),
    [SESSION, twin],
  )
  t.same(
    gathered(lines, [SESSION.slice(0, 9)]).map(({ session }) => session),
    [SESSION],
  )
})

t.test('who makes up lines or ids fills no memory', async (t) => {
  const gatherer = new Gatherer({ prefixes: ['000000'] })
  for (let at = 0; at < 2000; at++) {
    gatherer.take(step('proxy', at, 3, `again ${at}`, { session: id(1) }))
    gatherer.take(step('proxy', at, 3, 'another', { session: id(at + 2) }))
  }
  t.equal(gatherer.found.length, 100)
  t.equal(gatherer.found.find(({ session }) => session === id(1))?.lines.length, 500)
})

t.test('a text in a line is taken over up to a bound', async (t) => {
  t.equal(parseLine(but(GOOD.ticket, { detail: 'x'.repeat(10_000) }))?.detail?.length, 500)
})

t.test('a line whose times no clock has shown is none of a daemon', async (t) => {
  t.equal(parseLine(but(GOOD.ticket, { ms: 1e300 })), undefined)
  t.equal(parseLine(but(GOOD.ticket, { time: '-271821-04-20T00:00:00.000Z' })), undefined)
})

t.test('the newest sessions, the last one last', async (t) => {
  const gatherer = new Gatherer({ newest: 3 })
  for (let number = 0; number < 100; number++)
    gatherer.take(
      but(line('gateway', number * 1000, { event: 'step', step: 1, ms: 1 }), {
        session: id(number),
      }),
    )
  t.same(
    gatherer.found.map(({ session }) => session),
    [id(97), id(98), id(99)],
  )
})

t.test('an old session that ends now is not new', async (t) => {
  const gatherer = new Gatherer({ newest: 3 })
  for (let number = 0; number < 100; number++)
    gatherer.take(
      but(line('gateway', number * 1000, { event: 'step', step: 1, ms: 1 }), {
        session: id(number),
      }),
    )
  gatherer.take(but(closed('gateway', 99_500, { ms: 99_500 }), { session: id(0) }))
  t.same(
    gatherer.found.map(({ session }) => session),
    [id(97), id(98), id(99)],
  )
})

t.test('of servers, the lines of connections from these places are kept', async (t) => {
  const lines = new ServerLines(['10.3.0.2:50001'])
  const opened = line('vda', 32, { event: 'session-opened', audit: true })
  lines.take(opened)
  lines.take(but(opened, { peer: '10.3.0.2:5000' }))
  lines.take(but(opened, { peer: '10.3.0.2:500011' }))
  lines.take(but(opened, { app: undefined }))
  lines.take(but(opened, { session: SESSION }))
  lines.take(opened.slice(0, -3))
  t.match(lines.of('10.3.0.2:50001'), [{ app: 'echo' }])
  t.equal(lines.of('10.3.0.2:50001').length, 1)
  t.same(lines.of('10.3.0.2:1'), [])
})
