import type { Leg } from '@doublehop/daemon/leg'
import { SessionLimit } from '@doublehop/daemon/session-limit'
import t from 'tap'

/** As much of a leg as is asked: who it is, and when it is gone. */
function leg(host: string): { leg: Leg; leave: () => void } {
  const gone = new AbortController()
  return {
    leg: { peer: { host, port: 1 }, gone: gone.signal } as unknown as Leg,
    leave: () => gone.abort(),
  }
}

t.test('as many as allowed come in, and one more when one has left', async (t) => {
  const limit = new SessionLimit({ sessions: 2 })
  const [first, second, third] = [leg('10.0.0.1'), leg('10.0.0.1'), leg('10.0.0.2')]
  limit.enter(first.leg)
  t.equal(limit.refusal('10.0.0.2'), undefined)
  limit.enter(second.leg)
  t.match(limit.refusal('10.0.0.2'), {
    code: 'DH_LIMIT_SESSIONS',
    message: 'the limit of 2 sessions is reached',
  })
  t.throws(() => limit.enter(third.leg), { code: 'DH_LIMIT_SESSIONS' })
  first.leave()
  t.equal(limit.refusal('10.0.0.2'), undefined)
  limit.enter(third.leg)
  t.match(limit.refusal('10.0.0.2'), { code: 'DH_LIMIT_SESSIONS' })
})

t.test('a source that has as many as it may waits for its own', async (t) => {
  const limit = new SessionLimit({ sessions: 100, sessionsPerSource: 2 })
  const [first, second] = [leg('10.0.0.1'), leg('10.0.0.1')]
  limit.enter(first.leg)
  limit.enter(second.leg)
  t.match(limit.refusal('10.0.0.1'), { code: 'DH_LIMIT_SOURCE', details: { limit: 2 } })
  t.match(limit.refusal('::ffff:10.0.0.1'), { code: 'DH_LIMIT_SOURCE' }, 'however it is written')
  t.equal(limit.refusal('10.0.0.2'), undefined)
  second.leave()
  t.equal(limit.refusal('10.0.0.1'), undefined)
})

t.test('an IPv6 source is its /64', async (t) => {
  const limit = new SessionLimit({ sessions: 100, sessionsPerSource: 1 })
  limit.enter(leg('2001:db8:0:1::1').leg)
  t.match(limit.refusal('2001:db8:0:1:2:3:4:5'), { code: 'DH_LIMIT_SOURCE' })
  t.equal(limit.refusal('2001:db8:0:2::1'), undefined)
})

t.test('over a gateway the client is counted, not the gateway', async (t) => {
  const limit = new SessionLimit({ sessions: 100, sessionsPerSource: 1 })
  const one = leg('10.1.0.1')
  limit.enter(one.leg, '203.0.113.7')
  t.match(limit.refusal('203.0.113.7'), { code: 'DH_LIMIT_SOURCE' })
  t.equal(limit.refusal('10.1.0.1'), undefined)
  one.leave()
  t.equal(limit.refusal('203.0.113.7'), undefined)
})

t.test('while nobody knows who comes, only the limit in all is asked', async (t) => {
  const limit = new SessionLimit({ sessions: 2, sessionsPerSource: 1 })
  limit.enter(leg('10.0.0.1').leg)
  t.equal(limit.refusal(), undefined)
  limit.enter(leg('10.0.0.2').leg)
  t.match(limit.refusal(), { code: 'DH_LIMIT_SESSIONS' })
})

t.test('who is refused, or is gone already, takes no place', async (t) => {
  const limit = new SessionLimit({ sessions: 1 })
  const gone = leg('10.0.0.1')
  gone.leave()
  limit.enter(gone.leg)
  const stays = leg('10.0.0.1')
  limit.enter(stays.leg)
  const refused = leg('10.0.0.2')
  t.throws(() => limit.enter(refused.leg), { code: 'DH_LIMIT_SESSIONS' })
  refused.leave()
  t.match(limit.refusal('10.0.0.3'), { code: 'DH_LIMIT_SESSIONS' }, 'nor does it give one back')
  stays.leave()
  t.equal(limit.refusal('10.0.0.3'), undefined)
})

t.test('new limits hold for those that come from then on', async (t) => {
  const limit = new SessionLimit({ sessions: 10 })
  const legs = Array.from({ length: 3 }, () => leg('10.0.0.1'))
  for (const { leg } of legs) limit.enter(leg)
  limit.limits = { sessions: 10, sessionsPerSource: 2 }
  t.match(limit.refusal('10.0.0.1'), { code: 'DH_LIMIT_SOURCE' })
  legs[0]?.leave()
  t.match(limit.refusal('10.0.0.1'), { code: 'DH_LIMIT_SOURCE' }, 'two are left')
  legs[1]?.leave()
  t.equal(limit.refusal('10.0.0.1'), undefined)
})
