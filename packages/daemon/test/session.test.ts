import { auditTo } from '@doublehop/daemon/audit'
import { LaunchLimit } from '@doublehop/daemon/launch-limit'
import { logTo } from '@doublehop/daemon/log'
import { Metrics } from '@doublehop/daemon/metrics'
import { Sessions } from '@doublehop/daemon/session'
import { fault } from '@doublehop/errors/fault'
import { isSessionId } from '@doublehop/wire/session-id'
import t, { type Test } from 'tap'
import type { LogLine } from '../../../test/kit/house.ts'
import { acceptedLeg, dialledLeg } from '../../../test/kit/legs.ts'
import { until } from '../../../test/kit/wait.ts'

/** Sessions of a daemon, with what they log and count. */
function sessionsOf() {
  const lines: LogLine[] = []
  const metrics = new Metrics()
  const log = logTo('gateway', (line) => void lines.push(JSON.parse(line)))
  const audit = auditTo('gateway', { write: (line) => void lines.push(JSON.parse(line)) })
  const sessions = new Sessions({ log, metrics, audit })
  const shown = async (): Promise<string> => await metrics.registry.metrics()
  return { sessions, lines, shown }
}

async function openSession(t: Test) {
  const all = sessionsOf()
  const { leg, end } = await acceptedLeg(t, 'TLSv1.3')
  return { ...all, client: end, leg, session: all.sessions.open(leg) }
}

t.test('every session has a name that cannot be guessed', async (t) => {
  const { sessions, leg } = await openSession(t)
  const names = Array.from({ length: 1000 }, () => sessions.open(leg).id)
  t.ok(names.every(isSessionId))
  t.equal(new Set(names).size, 1000)
  t.equal(
    sessions.open(leg, '0123456789abcdef0123456789abcdef').id,
    '0123456789abcdef0123456789abcdef',
  )
})

t.test('a session’s lines carry its name and its peer', async (t) => {
  const { session, lines, client, shown } = await openSession(t)
  const done = session.step('redeem')
  t.equal(session.reached, '3 redeem')
  done('gateway → proxy → sta', 'ticket known, unused')
  t.match(lines, [
    {
      event: 'step',
      step: 3,
      name: 'redeem',
      session: session.id,
      peer: `127.0.0.1:${client.raw.localPort}`,
      peerName: 'far',
      route: 'gateway → proxy → sta',
      ms: Number,
    },
  ])
  t.match(await shown(), /^doublehop_step_seconds_count\{step="redeem"\} 1$/m)
})

t.test('a session that is spliced is closed once, with what it carried', async (t) => {
  const { session, sessions, lines, client, shown } = await openSession(t)
  const { leg: server, end } = await dialledLeg(t, 'plain TCP')
  const spliced = session.splice(server, undefined)
  t.match(JSON.parse(JSON.stringify(sessions)), [
    { id: session.id, peerName: 'far', server: `127.0.0.1:${end.raw.localPort}`, bytesUp: 0 },
  ])
  client.finish('question')
  await end.until(() => end.ended)
  end.finish('answer')
  t.match(await spliced, { reason: 'client-closed', up: 8, down: 6 })
  const closed = { event: 'session-closed', reason: 'client-closed', bytesUp: 8, bytesDown: 6 }
  t.match(
    lines.filter(({ event }) => event === 'session-closed'),
    [closed],
  )
  t.equal(sessions.count, 0)
  const text = await shown()
  t.match(text, /^doublehop_sessions 0$/m)
  t.match(text, /^doublehop_session_bytes_total\{direction="up"\} 8$/m)
  t.match(text, /^doublehop_sessions_closed_total\{reason="client-closed"\} 1$/m)
})

t.test('a session that fails says in which step, whose fault it is, and what to do', async (t) => {
  const { session, sessions, lines, shown } = await openSession(t)
  session.step('resolve')
  session.fail(fault('DH_TICKET_USED', { sta: 'STA01' }))
  session.fail(fault('DH_INTERNAL', { what: 'twice' }))
  const [failed, closed] = lines
  t.match(failed, {
    level: 'warn',
    event: 'launch-failed',
    code: 'DH_TICKET_USED',
    step: 4,
    action: /./,
  })
  t.match(closed, {
    event: 'session-closed',
    reason: 'error:DH_TICKET_USED',
    bytesUp: 0,
    bytesDown: 0,
  })
  t.equal(lines.filter(({ event }) => event === 'session-closed').length, 1)
  t.match(lines.at(-1), { level: 'error', code: 'DH_INTERNAL' }, 'what is our fault is an error')
  t.equal(sessions.count, 0)
  t.match(await shown(), /^doublehop_failures_total\{code="DH_TICKET_USED"\} 1$/m)
})

t.test('draining', async (t) => {
  t.test('waits for the last session', async (t) => {
    const { session, sessions } = await openSession(t)
    const other = sessions.open(session.client)
    const drained = Promise.all([sessions.drained(10_000), sessions.drained(10_000)])
    session.fail(fault('DH_INTERNAL', { what: 'a test' }))
    t.equal(sessions.count, 1)
    other.fail(fault('DH_INTERNAL', { what: 'a test' }))
    t.same(await drained, [true, true])
    t.equal(await sessions.drained(0), true, 'where there is none it is over at once')
  })

  t.test('waits so long and no longer', async (t) => {
    const { sessions } = await openSession(t)
    t.equal(await sessions.drained(50), false)
    t.equal(sessions.count, 1)
  })

  t.test('cuts what is left, in whatever phase', async (t) => {
    const { session, sessions, client } = await openSession(t)
    client.say('x')
    await until(() => session.client.received, Boolean)
    sessions.cutAll('drain')
    t.equal(await client.ending(), 'ECONNRESET', 'before there was a server')
    const spliced = await openSession(t)
    const { leg: server, end } = await dialledLeg(t, 'plain TCP')
    const done = spliced.session.splice(server, undefined)
    spliced.client.say('x')
    await end.read(1)
    spliced.sessions.cutAll('drain')
    t.match(await done, { reason: 'drain', up: 1 })
    t.equal(await end.ending(), 'ECONNRESET')
  })
})

t.test('the limit of a launch', async (t) => {
  t.test('is its deadline, and names the step', async (t) => {
    const { session } = await openSession(t)
    session.step('dial')
    using limit = new LaunchLimit(session, 50)
    await until(() => limit.signal.aborted, Boolean)
    t.match(limit.signal.reason, {
      code: 'DH_LAUNCH_DEADLINE',
      details: { seconds: 0.05, step: '6 dial' },
    })
  })

  t.test('is the presence of the client, whose end of half is no end', async (t) => {
    const { session, client } = await openSession(t)
    using limit = new LaunchLimit(session, 10_000)
    client.finish('x')
    await until(() => session.client.received, Boolean)
    t.notOk(limit.signal.aborted)
    session.client.destroy()
    await until(() => limit.signal.aborted, Boolean)
    t.match(limit.signal.reason, { code: 'DH_CLIENT_GONE' })
    using late = new LaunchLimit(session, 10_000)
    t.ok(late.signal.aborted, 'also of one that was gone before')
  })

  t.test('leaves no timer behind, and no word of a client that goes later', async (t) => {
    const { session } = await openSession(t)
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    let signal: AbortSignal
    {
      using limit = new LaunchLimit(session, 10_000)
      signal = limit.signal
      t.equal(timers(), before + 1)
    }
    t.equal(timers(), before)
    session.client.destroy()
    await until(() => session.client.gone.aborted, Boolean)
    t.notOk(signal.aborted)
  })
})
