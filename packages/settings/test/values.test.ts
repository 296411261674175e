import { parseNetwork } from '@doublehop/wire/ip'
import t from 'tap'
import type { z } from 'zod'
import { adminEndpoint, dialEndpoint, endpoint, listenEndpoint } from '../src/endpoints.ts'
import { inNetworks, name, network, overlap, stas } from '../src/values.ts'

const taken = (schema: z.ZodType, texts: readonly unknown[]) =>
  texts.filter((text) => schema.safeParse(text).success)

t.test('an endpoint is an address or a name, and a port; IPv6 in brackets', async (t) => {
  t.strictSame(endpoint.parse('10.0.0.5:1494'), { host: '10.0.0.5', port: 1494 })
  t.strictSame(endpoint.parse('[2001:DB8:0::1]:443'), { host: '2001:db8::1', port: 443 })
  t.strictSame(endpoint.parse('[::ffff:10.0.0.5]:1'), { host: '::ffff:a00:5', port: 1 })
  t.strictSame(endpoint.parse('Gateway.Example:443'), { host: 'gateway.example', port: 443 })
  const refused = [
    '',
    ':443',
    'a',
    'a:',
    'a:x',
    'a:65536',
    'a:-1',
    'a: 443',
    '::1:443',
    '[::1]',
    '[::1]443',
    '[10.0.0.5]:1',
    '[fe80::1%eth0]:1',
    '10.0.0.256:1',
    '010.0.0.5:1',
    'a b:1',
    '*:443',
    'http://a:1',
    'a:1/',
  ]
  t.strictSame(taken(endpoint, refused), [])
})

t.test('a listener wants an address of this host, and may take a free port', async (t) => {
  t.strictSame(
    taken(listenEndpoint, [
      '0.0.0.0:443',
      '[::]:443',
      '127.0.0.1:0',
      'localhost:443',
      'gateway.example:443',
    ]),
    ['0.0.0.0:443', '[::]:443', '127.0.0.1:0'],
  )
})

t.test('what is dialled has a port', async (t) => {
  t.strictSame(taken(dialEndpoint, ['a:1', '[::1]:65535', 'a:0', '10.0.0.5:0']), [
    'a:1',
    '[::1]:65535',
  ])
})

t.test('the admin listener stays on loopback', async (t) => {
  const all = [
    '127.0.0.1:0',
    '[::1]:9000',
    '0.0.0.0:9000',
    '[::]:9000',
    '10.0.0.5:9000',
    'localhost:9000',
    '[::ffff:127.0.0.1]:9000',
  ]
  t.strictSame(taken(adminEndpoint, all), ['127.0.0.1:0', '[::1]:9000'])
})

t.test('a network is an address with or without the number of its bits', async (t) => {
  const all = [
    '10.1.0.0/16',
    '10.1.2.3',
    '0.0.0.0/0',
    '::/0',
    'fd00::/8',
    '::1',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0/16',
    'localhost',
    '[::1]/128',
    '*',
  ]
  t.strictSame(taken(network, all), [
    '10.1.0.0/16',
    '10.1.2.3',
    '0.0.0.0/0',
    '::/0',
    'fd00::/8',
    '::1',
  ])
})

t.test('a name is short and plain, for it stands in logs and metrics', async (t) => {
  const all = [
    'a',
    'proxy-1.dmz2_x',
    'A'.repeat(63),
    'A'.repeat(64),
    '',
    '-a',
    '.a',
    'a b',
    'a"b',
    'a\n',
    'ä',
  ]
  t.strictSame(taken(name, all), ['a', 'proxy-1.dmz2_x', 'A'.repeat(63)])
})

t.test('an STA is listed with urls of http or https, without a login in them', async (t) => {
  const all = [
    'https://10.3.0.5:8080',
    'http://sta.example',
    'https://[fd00::5]:8080/',
    'ftp://a',
    'a:1',
    '//a',
    'https:',
    'https://u@a',
    'https://:p@a',
    'https://u:p@a',
  ]
  const listed = all.filter((url) => stas.safeParse([{ urls: [url] }]).success)
  t.strictSame(listed, ['https://10.3.0.5:8080', 'http://sta.example', 'https://[fd00::5]:8080/'])
})

t.test('networks overlap when one holds the other', async (t) => {
  const pairs: [string, string, boolean][] = [
    ['10.0.0.0/8', '10.2.0.0/16', true],
    ['10.2.0.0/16', '10.0.0.0/8', true],
    ['10.2.0.0/16', '10.3.0.0/16', false],
    ['10.2.0.5', '10.2.0.5', true],
    ['10.2.0.5', '10.2.0.4/31', true],
    ['0.0.0.0/0', '192.0.2.1', true],
    ['0.0.0.0/0', '::/0', false],
    ['fd00::/8', 'fd12::1', true],
    ['10.2.9.9/16', '10.2.0.0/24', true],
  ]
  for (const [a, b, together] of pairs) {
    const [first, second] = [parseNetwork(a), parseNetwork(b)]
    if (first === undefined || second === undefined) throw new Error(`${a} or ${b} is no network`)
    t.equal(overlap(first, second), together, `${a} and ${b}`)
  }
})

t.test('an address is in a list of networks or not; what is no address never is', async (t) => {
  const networks = ['10.0.0.0/8', 'fd00::/8'].map((text) => network.parse(text))
  t.strictSame(
    ['10.9.9.9', 'fd12::1', '11.0.0.0', '::1', '::ffff:10.0.0.1', '', 'localhost'].filter((one) =>
      inNetworks(networks, one),
    ),
    ['10.9.9.9', 'fd12::1'],
  )
  t.notOk(inNetworks([], '10.9.9.9'))
})
