import t from 'tap'
import { readHalfOpen } from '../../src/listen/half-open.ts'

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const REST =
  '00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 100 0 0 10 0'

t.test(
  'a connection in SYN_RECV is half open, one that listens or is established is not',
  async (t) => {
    const table = [
      HEAD,
      `   0: 0200030A:0438 00000000:0000 0A ${REST}\n`,
      `   1: 0200030A:0438 0200020A:C350 03 ${REST}\n`,
      `   2: 0200030A:0438 0200020A:C351 01 ${REST}\n`,
    ].join('')
    t.same(readHalfOpen(table), [{ at: '10.3.0.2:1080', from: '10.2.0.2:50000' }])
  },
)

t.test('an address of IPv6 is four words, each in the order of the machine', async (t) => {
  const [here, there] = ['B80D0120000003000000000002000000', 'B80D0120000002000000000002000000']
  t.same(readHalfOpen(`${HEAD} 0: ${here}:0438 ${there}:C350 03 ${REST}\n`), [
    { at: '[2001:db8:3::2]:1080', from: '[2001:db8:2::2]:50000' },
  ])
})

t.test('a daemon that listens for both families is known by its address of IPv4', async (t) => {
  const [here, there] = ['0000000000000000FFFF00000200030A', '0000000000000000FFFF00000200020A']
  t.same(readHalfOpen(`${HEAD} 0: ${here}:0438 ${there}:C350 03 ${REST}\n`), [
    { at: '10.3.0.2:1080', from: '10.2.0.2:50000' },
  ])
})

t.test('what is no such line is passed over', async (t) => {
  t.same(readHalfOpen(''), [])
  t.same(readHalfOpen(`${HEAD}   0: 0200:0438 0200020A:C350 03\nx\n 1: 0200030A:0438\n`), [])
})
