import assert from 'node:assert/strict'
import t from 'tap'
import { type Endpoint, formatEndpoint } from '../src/endpoint.ts'
import { addressesOf, addressFor, LAUNCH_PORTS, launchKind } from '../src/ticket-addresses.ts'
import * as arbitrary from './arbitraries.ts'
import { holds, throwsOnlyFaults } from './property.ts'

const cgp = (value: string) => addressesOf([{ name: 'CGPAddress', value }]).cgp

t.test('an address is host:port, or host:port:localhost:port', async (t) => {
  const spellings = {
    '10.0.0.5:2598': { host: '10.0.0.5', port: 2598 },
    '10.0.0.5:2598:localhost:1494': { host: '10.0.0.5', port: 2598 },
    ' VDA.example:2598\n': { host: 'vda.example', port: 2598 },
    '[FD00::5]:2598': { host: 'fd00::5', port: 2598 },
    '[fd00::5]:2598:localhost:1494': { host: 'fd00::5', port: 2598 },
    'vda:443': { host: 'vda', port: 443 },
  }
  for (const [value, endpoint] of Object.entries(spellings)) t.same(cgp(value), endpoint, value)
})

t.test('what is no address:port is refused, with the name it stands under', async (t) => {
  const others = [
    ...[
      '10.0.0.5',
      '10.0.0.5:',
      ':2598',
      '10.0.0.5:0',
      '10.0.0.5:65536',
      'fd00::5:2598',
      'a b:2598',
    ],
    ...[
      '10.0.0.5:2598:localhost',
      '10.0.0.5:2598:localhost:',
      '10.0.0.5:2598::1494',
      'a:1:b:2:c:3',
    ],
    ...[
      '10.0.0.5:0:localhost:1494',
      '[fd00::5:2598',
      ';40;STA1;00:2598',
      '10.0.0.5:2598;10.0.0.6:2598',
    ],
  ]
  for (const value of others) {
    t.throws(() => cgp(value), { code: 'DH_TICKET_ADDRESS', message: /CGPAddress/ }, value)
  }
})

t.test('both, either or none of the two addresses may be there', async (t) => {
  const one = { name: 'CGPAddress', value: 'a:1' }
  const other = { name: 'ICAAddress', value: 'b:2' }
  t.strictSame(addressesOf([other, { name: 'XData', value: 'c:3' }, one]), {
    cgp: { host: 'a', port: 1 },
    ica: { host: 'b', port: 2 },
  })
  t.strictSame(addressesOf([other]), { ica: { host: 'b', port: 2 } })
  t.strictSame(addressesOf([]), {})
  t.strictSame(addressesOf([{ name: 'CGPAddress', value: ' ' }]), {}, 'an empty value is none')
  t.strictSame(
    addressesOf([one, { name: 'CGPAddress', value: 'z:9' }]).cgp,
    { host: 'a', port: 1 },
    'the first counts',
  )
  t.strictSame(addressesOf([{ name: 'cgpaddress', value: 'a:1' }]), {}, 'names are exact')
})

t.test('the port of the client chooses the address, which may have any port', async (t) => {
  const addresses = addressesOf([
    { name: 'CGPAddress', value: 'a:443' },
    { name: 'ICAAddress', value: 'b:80' },
  ])
  t.same(addressFor(2598, addresses), { host: 'a', port: 443 })
  t.same(addressFor(1494, addresses), { host: 'b', port: 80 })
  for (const port of [0, 80, 443, 1493, 1495, 2597, 2599, 65535]) {
    t.throws(() => addressFor(port, addresses), { code: 'DH_LAUNCH_PORT' }, `${port}`)
    t.throws(() => launchKind(port), { code: 'DH_LAUNCH_PORT' }, `${port}`)
  }
  t.same([launchKind(LAUNCH_PORTS.cgp), launchKind(LAUNCH_PORTS.ica)], ['cgp', 'ica'])
})

t.test('an address that the ticket does not have is never made from the other', async (t) => {
  const addresses = addressesOf([{ name: 'CGPAddress', value: 'a:2598' }])
  t.throws(() => addressFor(1494, addresses), {
    code: 'DH_TICKET_NO_ADDRESS',
    message: /ICAAddress.*1494/,
  })
})

holds<[Endpoint]>(
  t,
  'an address that is written reads the same, with or without its tail',
  [arbitrary.endpoint.filter(({ port }) => port > 0)],
  (endpoint) => {
    assert.deepEqual(cgp(formatEndpoint(endpoint)), endpoint)
    assert.deepEqual(cgp(`${formatEndpoint(endpoint)}:localhost:1494`), endpoint)
  },
)

throwsOnlyFaults(
  t,
  'no value makes the reader of addresses throw anything but a Fault',
  arbitrary.nearlyText(
    arbitrary.endpoint.map((endpoint) => `${formatEndpoint(endpoint)}:localhost:1494`),
  ),
  cgp,
)
