import t from 'tap'
import { nearest } from '../src/nearest.ts'

const known = ['listen', 'listenHttp', 'redeemAt', 'nextHops', 'stas', 'tls']

t.test('a slip or two away is near enough', async (t) => {
  const meant = {
    listne: 'listen',
    lisen: 'listen',
    listenn: 'listen',
    Listen: 'listen',
    'listen-http': 'listenHttp',
    listen_htp: 'listenHttp',
    reedemAt: 'redeemAt',
    'redeem at': 'redeemAt',
    nexthop: 'nextHops',
    sta: 'stas',
    tsl: 'tls',
  }
  for (const [written, word] of Object.entries(meant))
    t.equal(nearest(written, known), word, written)
})

t.test('anything farther is no guess', async (t) => {
  for (const written of [
    '',
    'x',
    'ts',
    'proxy',
    'listeners',
    'nets',
    'l',
    'stbb',
    'x'.repeat(1_000_000),
  ]) {
    t.equal(nearest(written, known), undefined, written.slice(0, 20))
  }
  t.equal(nearest('listen', []), undefined)
})

t.test('the nearest of several is told', async (t) => {
  t.equal(nearest('dmz3', ['dmz1', 'dmz2']), 'dmz1', 'the first of equals')
  t.equal(nearest('listenHtt', ['listenHttps', 'listenHttp']), 'listenHttp')
})
