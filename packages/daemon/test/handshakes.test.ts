import { type Handshake, type HandshakeLimits, Handshakes } from '@doublehop/daemon/handshakes'
import { fault } from '@doublehop/errors/fault'
import t from 'tap'

const NO_LIMIT: HandshakeLimits = { handshakes: 1000 }
const SHUT = fault('DH_DRAINING', {})

/** Handshakes, and in which order they were given up. */
function book(limits: HandshakeLimits) {
  const all = new Handshakes(limits)
  const gaveWay: string[] = []
  const watch = (name: string, handshake: Handshake): Handshake => {
    handshake.signal.addEventListener('abort', () => gaveWay.push(name))
    return handshake
  }
  let port = 0
  const peer = (host: string) => ({ host, port: ++port })
  return {
    all,
    gaveWay,
    begin: (name: string, host: string) => watch(name, all.begin(peer(host), true)),
    /** from a load balancer, which has yet to say whose it is */
    beginUnnamed: (name: string) => watch(name, all.begin(peer('192.0.2.1'), false)),
    nameAs: (handshake: Handshake, host: string) => all.name(handshake, peer(host)),
  }
}

t.test('as many as allowed stay, and of one more the oldest gives way', async (t) => {
  const { all, gaveWay, begin } = book({ handshakes: 3 })
  for (const name of ['first', 'second', 'third']) begin(name, `10.0.0.${name.length}`)
  t.same(gaveWay, [])
  const fourth = begin('fourth', '10.0.0.9')
  t.same(gaveWay, ['first'])
  begin('fifth', '10.0.0.9')
  t.same(gaveWay, ['first', 'second'], 'and then the next oldest')
  t.notOk(fourth.signal.aborted)
  t.equal(all.count, 3)
})

t.test('who has finished is not in the way', async (t) => {
  const { all, gaveWay, begin } = book({ handshakes: 2 })
  begin('first', '10.0.0.1').finish()
  begin('second', '10.0.0.1')
  begin('third', '10.0.0.1')
  t.same(gaveWay, [])
  begin('fourth', '10.0.0.1')
  t.same(gaveWay, ['second'])
  t.equal(all.count, 2)
})

t.test('a source that has too many pushes out its own oldest, and nobody else’s', async (t) => {
  const { all, gaveWay, begin } = book({ handshakes: 100, handshakesPerSource: 2 })
  begin('older than all', '10.0.0.1')
  for (const name of ['a', 'b', 'c', 'd']) begin(name, '10.0.0.2')
  t.same(gaveWay, ['a', 'b'])
  begin('mapped', '::ffff:10.0.0.2')
  t.same(gaveWay, ['a', 'b', 'c'], 'an IPv4-mapped address is the same source')
  t.equal(all.count, 3)
})

t.test('an IPv6 source is its /64', async (t) => {
  const { gaveWay, begin } = book({ handshakes: 100, handshakesPerSource: 1 })
  begin('one host', '2001:db8:0:1::1')
  begin('the /64 beside it', '2001:db8:0:2::1')
  t.same(gaveWay, [])
  begin('another address of its link', '2001:db8:0:1:ffff::2')
  t.same(gaveWay, ['one host'])
})

t.test('each that gives way is told which limit it was', async (t) => {
  const { begin } = book({ handshakes: 2, handshakesPerSource: 1 })
  const first = begin('first', '10.0.0.1')
  begin('second', '10.0.0.1')
  t.match(first.signal.reason, {
    code: 'DH_LIMIT_HANDSHAKES',
    message: 'the oldest of 1 unfinished handshakes of one source gave way to a new one',
  })
  const third = begin('third', '10.0.0.2')
  const second = begin('fourth', '10.0.0.3')
  t.notOk(third.signal.aborted)
  t.notOk(second.signal.aborted)
  begin('fifth', '10.0.0.4')
  t.match(third.signal.reason, { message: /^the oldest of 2 unfinished handshakes in all/ })
})

t.test('behind a load balancer', async (t) => {
  t.test('a client counts from when it is known', async (t) => {
    const { gaveWay, beginUnnamed, nameAs } = book({ handshakes: 100, handshakesPerSource: 1 })
    const [first, second, third] = [
      beginUnnamed('first'),
      beginUnnamed('second'),
      beginUnnamed('third'),
    ]
    t.same(gaveWay, [], 'the balancer is no source')
    nameAs(third, '203.0.113.7')
    nameAs(first, '203.0.113.8')
    t.same(gaveWay, [])
    nameAs(second, '203.0.113.7')
    t.same(gaveWay, ['third'], 'of one client, the one that was known first')
  })

  t.test('in all, those without a name count as well', async (t) => {
    const { all, gaveWay, beginUnnamed } = book({ handshakes: 2, handshakesPerSource: 1 })
    for (const name of ['first', 'second', 'third']) beginUnnamed(name)
    t.same(gaveWay, ['first'])
    t.equal(all.count, 2)
  })

  t.test('who has ended before it is known is not counted', async (t) => {
    const { all, gaveWay, beginUnnamed, nameAs, begin } = book({
      handshakes: 100,
      handshakesPerSource: 1,
    })
    const gone = beginUnnamed('gone')
    gone.end(SHUT)
    nameAs(gone, '203.0.113.7')
    begin('next', '203.0.113.7')
    begin('last', '203.0.113.7')
    t.same(gaveWay, ['gone', 'next'])
    t.equal(all.count, 1)
  })

  t.test('it is shown with the address of the client', async (t) => {
    const { all, beginUnnamed, nameAs } = book(NO_LIMIT)
    const one = beginUnnamed('one')
    t.match(all.toJSON(), [{ peer: '192.0.2.1:1' }])
    nameAs(one, '2001:db8::1')
    t.match(all.toJSON(), [{ peer: '[2001:db8::1]:2', since: /^\d{4}-\d\d-\d\dT/ }])
  })
})

t.test('it ends once', async (t) => {
  const ways: Record<string, (handshake: Handshake) => void> = {
    'finished twice': (handshake) => {
      handshake.finish()
      handshake.finish()
    },
    'finished, then given up': (handshake) => {
      handshake.finish()
      handshake.end(SHUT)
    },
    'given up, then finished': (handshake) => {
      handshake.end(SHUT)
      handshake.finish()
    },
    'given up twice': (handshake) => {
      handshake.end(SHUT)
      handshake.end(fault('DH_PEER_CLOSED', { what: 'another' }))
    },
  }
  for (const [what, end] of Object.entries(ways)) {
    const { all, begin, gaveWay } = book({ handshakes: 10, handshakesPerSource: 2 })
    begin('beside it', '10.0.0.1')
    const handshake = begin('it', '10.0.0.1')
    end(handshake)
    t.equal(all.count, 1, `${what}: the one beside it is left`)
    const isGivenUp = what.startsWith('given up')
    t.equal(handshake.signal.aborted, isGivenUp, what)
    if (isGivenUp) t.equal(handshake.signal.reason, SHUT, 'with the first reason')
    t.same(gaveWay, isGivenUp ? ['it'] : [])
    begin('more', '10.0.0.1')
    t.same(gaveWay, isGivenUp ? ['it'] : [], 'its place is free, once')
    begin('too many', '10.0.0.1')
    t.equal(gaveWay.at(-1), 'beside it')
  }
})

t.test('when all are ended nobody is counted any more', async (t) => {
  const { all, gaveWay, begin, beginUnnamed } = book({ handshakes: 100, handshakesPerSource: 10 })
  for (let n = 0; n < 50; n++) begin(`${n}`, `10.0.0.${n % 5}`)
  beginUnnamed('unnamed')
  t.equal(all.count, 51)
  all.endAll(SHUT)
  t.equal(gaveWay.length, 51)
  t.equal(all.count, 0)
  t.same(all.toJSON(), [])
  for (let n = 0; n < 50; n++) begin(`again ${n}`, `10.0.0.${n % 5}`)
  t.equal(gaveWay.length, 51, 'and every source may have as many as before')
})

t.test('new limits hold for those that come from then on', async (t) => {
  const { all, gaveWay, begin } = book(NO_LIMIT)
  for (const name of ['first', 'second', 'third']) begin(name, '10.0.0.1')
  all.limits = { handshakes: 1000, handshakesPerSource: 3 }
  t.same(gaveWay, [])
  begin('fourth', '10.0.0.1')
  t.same(gaveWay, ['first'])
})
