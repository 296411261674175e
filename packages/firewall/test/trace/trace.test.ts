import t from 'tap'
import {
  ahead,
  but,
  closed,
  GOOD,
  gathered,
  line,
  SESSION,
  shape,
  step,
  topology,
  traced,
  upTo,
} from './transcript.ts'

const OPENED = line('vda', 32, { audit: true, event: 'session-opened' })

t.test('a good launch is nine steps, with the server found by the port of the proxy', async (t) => {
  const trace = traced([
    ...upTo('splice'),
    line('sta', 14, { event: 'ticket-redeemed' }),
    OPENED,
    closed('gateway', 4000, { reason: 'client-closed' }),
    closed('proxy', 4001, { reason: 'client-closed', ms: 3970 }),
    closed('vda', 4002, { ms: 3970 }),
  ])
  t.equal(shape(trace), '1 2 3 4 5 6 7 8 9')
  t.match(trace, {
    session: SESSION,
    client: '198.51.100.7:41822',
    server: '10.4.0.3:2598',
    app: 'echo',
    redeemedAt: 'gateway',
    clocks: [],
    strangers: [],
  })
  t.match(trace.steps[5], { daemon: 'proxy', ms: 2, route: 'proxy → vda', detail: '10.4.0.3:2598' })
  t.equal(new Date(trace.steps[5]?.began ?? 0).toISOString(), '2026-11-21T22:51:07.028Z')
  t.match(trace.seen, [
    { daemon: 'sta', what: 'redeemed the ticket for proxy' },
    { daemon: 'vda', what: 'echo was reached from 10.3.0.2:50001' },
  ])
  t.match(trace.endings, [
    { daemon: 'gateway', reason: 'client-closed', bytesUp: 12, bytesDown: 34, ms: 4000 },
    { daemon: 'proxy', reason: 'client-closed' },
    { daemon: 'vda', bytesUp: 12 },
  ])
  t.notOk(trace.stop)
})

t.test('the order of the lines does not matter', async (t) => {
  const lines = [...upTo('splice'), OPENED, closed('gateway', 4000, { reason: 'drain' })]
  t.same(traced(lines.toReversed()), traced(lines))
})

t.test('a launch that goes on is under way in the step behind the last one', async (t) => {
  t.equal(shape(traced(upTo('resolve'))), '1 2 3 4 5… 6- 7- 8- 9-')
  t.equal(shape(traced(upTo('splice'))), '1 2 3 4 5 6 7 8 9')
})

t.test('without the log of the proxy its steps are not observed', async (t) => {
  const lines = upTo('splice').filter((one) => one !== GOOD.redeem && one !== GOOD.dial)
  const trace = traced([...lines, OPENED])
  t.equal(shape(trace), '1 2 3? 4 5 6? 7 8 9')
  t.equal(trace.server, '10.4.0.3:2598', 'the gateway knows the server')
  t.same(trace.seen, [], 'nothing leads to the line of the server')
})

t.test('the STA may stand in for the log of the proxy', async (t) => {
  const lines = upTo('splice').filter((one) => one !== GOOD.redeem)
  const trace = traced([...lines, line('sta', 14, { event: 'ticket-redeemed' })])
  t.equal(shape(trace), '1 2 3 4 5 6 7 8 9')
  t.match(trace.steps[2], { daemon: 'sta', detail: 'ticket redeemed, as the STA says' })
})

t.test('of a session that only the proxy saw, only its steps are observed', async (t) => {
  const trace = traced([GOOD.redeem, GOOD.dial])
  t.equal(shape(trace), '1? 2? 3 4? 5? 6 7? 8? 9?')
  t.equal(trace.client, undefined)
})

t.test('redeemed at the proxy, the fifth step comes before the second', async (t) => {
  const lines = [
    GOOD.ticket,
    step('gateway', 10, 5, ';40;STA01;2d4e… port 2598'),
    step('proxy', 15, 2, 'STA01'),
    step('proxy', 20, 3, 'STA01: ticket known, unused'),
    step('proxy', 25, 4, '10.4.0.3:2598'),
    GOOD.dial,
    GOOD.answer,
  ]
  const trace = traced([...lines, GOOD.accept, GOOD.splice])
  t.equal(shape(trace), '1 2 3 4 5 6 7 8 9')
  t.match(trace, { redeemedAt: 'proxy', server: '10.4.0.3:2598', clocks: [] })
  t.same(
    trace.steps.map(({ of }) => of),
    ['gateway', 'proxy', 'proxy', 'proxy', 'gateway', 'proxy', 'gateway', 'gateway', 'gateway'],
  )
  t.equal(shape(traced(lines.slice(0, 2))), '1 2… 3- 4- 5 6- 7- 8- 9-')
})

t.test(
  'over a foreign next hop the third step is the gateway’s, and nobody sees the sixth',
  async (t) => {
    const trace = traced([
      GOOD.ticket,
      step('gateway', 10, 2, 'STA01, SOCKS5 over plain TCP'),
      step('gateway', 15, 3, 'STA01: ticket known, unused', { route: 'gateway → sta' }),
      GOOD.resolve,
      step('gateway', 25, 5, '10.4.0.3:2598'),
      step('gateway', 30, 6, 'not observed', { route: 'danted → vda', ms: 0 }),
      GOOD.answer,
      GOOD.accept,
      GOOD.splice,
      line('sta', 14, { event: 'ticket-redeemed', peerName: 'gateway' }),
    ])
    t.equal(shape(trace), '1 2 3 4 5 6? 7 8 9')
    t.match(trace.steps[2], { daemon: 'gateway' })
    t.match(trace.steps[5], { route: 'danted → vda', detail: 'not observed' })
    t.match(trace.seen, [{ what: 'redeemed the ticket for gateway' }])
  },
)

t.test('a session id that somebody else uses joins nothing', async (t) => {
  const forged = [GOOD.redeem, GOOD.dial, closed('proxy', 50, { reason: 'client-closed' })].map(
    (one) => but(one, { peerName: 'mallory', peer: '10.2.0.9:666' }),
  )
  const trace = traced([GOOD.ticket, GOOD.staConnect, ...forged, OPENED])
  t.equal(shape(trace), '1 2 3… 4- 5- 6- 7- 8- 9-')
  t.same(trace.strangers, [
    { daemon: 'proxy', peerName: 'mallory', peer: '10.2.0.9:666', lines: 3 },
  ])
  t.same([trace.seen, trace.endings], [[], []])

  const both = traced([...upTo('splice'), ...forged])
  t.equal(shape(both), '1 2 3 4 5 6 7 8 9')
  t.equal(both.steps[5]?.times, undefined, 'the line of the stranger counts for nothing')
})

t.test('nor can a stranger at the STA', async (t) => {
  const lines = upTo('splice').filter((one) => one !== GOOD.redeem)
  const forged = line('sta', 14, { event: 'ticket-redeemed', peerName: 'mallory' })
  const trace = traced([...lines, forged])
  t.equal(trace.steps[2]?.state, 'not-observed')
  t.match(trace.strangers, [{ daemon: 'sta', peerName: 'mallory' }])
})

t.test(
  'whose certificate it is, is told by the configuration where the name differs',
  async (t) => {
    const named = [GOOD.redeem, GOOD.dial].map((one) => but(one, { peerName: 'gw.example' }))
    const lines = [
      ...upTo('splice').filter((one) => one !== GOOD.redeem && one !== GOOD.dial),
      ...named,
    ]
    t.equal(shape(traced(lines)), '1 2 3? 4 5 6? 7 8 9')
    const certificates = new Map([['gateway', 'gw.example']])
    t.equal(shape(traced(lines, { ...topology(), certificates })), '1 2 3 4 5 6 7 8 9')
  },
)

t.test('daemons may have any name', async (t) => {
  const renamed = upTo('splice').map((one) => {
    const { daemon } = JSON.parse(one) as { daemon: string }
    return but(
      one,
      daemon === 'gateway' ? { daemon: 'edge-1' } : { daemon: 'hop-1', peerName: 'edge-1' },
    )
  })
  const trace = traced(renamed)
  t.equal(shape(trace), '1 2 3 4 5 6 7 8 9')
  t.equal(trace.steps[5]?.daemon, 'hop-1')
})

t.test('a listener without TLS sees no certificate, and its lines count', async (t) => {
  const plain = upTo('splice').map((one) => but(one, { peerName: undefined }))
  t.equal(shape(traced(plain)), '1 2 3 4 5 6 7 8 9')
})

t.test('of two STAs that were asked, the second counts', async (t) => {
  const trace = traced([
    GOOD.ticket,
    GOOD.staConnect,
    line('proxy', 12, { event: 'ticket-refused', code: 'DH_TICKET_UNKNOWN', msg: 'not known' }),
    step('gateway', 14, 2, 'STA02, SOCKS5 over mutual TLS'),
    ...upTo('splice').slice(2),
  ])
  t.equal(shape(trace), '1 2 3 4 5 6 7 8 9')
  t.notOk(trace.stop)
  t.match(trace.steps[1], { detail: 'STA02, SOCKS5 over mutual TLS', times: 2 })
})

t.test('of connections from one port the nearest in time is the one', async (t) => {
  const other = (at: number, app: string) =>
    line('vda', at, { audit: true, event: 'session-opened', app })
  const trace = traced([
    ...upTo('splice'),
    other(-100_000, 'before'),
    OPENED,
    closed('vda', 500, { ms: 468 }),
    other(200_000, 'after'),
  ])
  t.equal(trace.app, 'echo')
  t.match(trace.endings, [{ daemon: 'vda', ms: 468 }])

  const long = [...upTo('splice'), other(3_600_000, 'an hour later')]
  t.same(traced(long).seen, [], 'and one that is far away is another')
})

t.test('a session that the server gave up says why', async (t) => {
  const refused = { event: 'session-failed', code: 'DH_ICA_GREETING', msg: 'no greeting' }
  const trace = traced([
    ...upTo('splice'),
    OPENED,
    line('vda', 100, refused),
    closed('vda', 101, { ms: 69 }),
  ])
  t.match(trace.seen[1], { daemon: 'vda', what: 'DH_ICA_GREETING: no greeting' })
})

t.test('clocks', async (t) => {
  const launch = (proxy: number, sta: number, vda: number): string[] => [
    ...upTo('splice').map((one) => (one.includes('"daemon":"proxy"') ? ahead(one, proxy) : one)),
    ahead(line('sta', 14, { event: 'ticket-redeemed' }), sta),
    ahead(OPENED, vda),
  ]
  const clocks = (lines: readonly string[]) =>
    traced(lines).clocks.map(
      ({ daemon, reference, milliseconds }) =>
        `${daemon} ${Math.round(milliseconds / 1000)} s of ${reference}`,
    )
  t.same(clocks(launch(0, 0, 0)), [], 'agree')
  t.same(clocks(launch(200, 200, 200)), [], 'agree well enough')
  t.same(clocks(launch(3000, 3000, 3000)), ['proxy 3 s of gateway'], 'ahead')
  t.same(clocks(launch(-3000, -3000, -3000)), ['proxy -3 s of gateway'], 'behind')
  t.same(clocks(launch(0, 3000, -3000)), ['sta 3 s of proxy', 'vda -3 s of proxy'])

  const trace = traced(launch(3000, 3000, 3000))
  t.equal(shape(trace), '1 2 3 4 5 6 7 8 9', 'the steps stand in their order')
  t.equal(new Date(trace.steps[5]?.began ?? 0).toISOString(), '2026-11-21T22:51:10.028Z')
  t.equal(trace.app, 'echo', 'the server is found all the same')
})

t.test('a name that is in no catalogue of clients does no harm on a terminal', async (t) => {
  const [session] = gathered([but(GOOD.ticket, { detail: '\u001b[2J\u202egnp.exe' })])
  t.equal(session?.lines[0]?.detail, '·[2J·gnp.exe')
})
