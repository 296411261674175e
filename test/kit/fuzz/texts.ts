import assert from 'node:assert/strict'
import { endpoint } from '@doublehop/settings/endpoints'
import { readEnvironment } from '@doublehop/settings/environment'
import { parseOverride } from '@doublehop/settings/overrides'
import { duration, durationOrOff, size } from '@doublehop/settings/units'
import { name, network, stas } from '@doublehop/settings/values'
import { canonicalHost, formatEndpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import { checkGrant, mintGrant } from '@doublehop/wire/grant'
import { formatIp, parseIp, parseNetwork, unmapped } from '@doublehop/wire/ip'
import { isSessionId } from '@doublehop/wire/session-id'
import { bytesOf, printableAscii, utf8 } from '@doublehop/wire/text'
import { isStaId, isTicketHex, parseTicket } from '@doublehop/wire/ticket'
import { addressesOf, addressFor } from '@doublehop/wire/ticket-addresses'
import { endpointOf } from '../../../packages/cli/src/endpoint-of.ts'
import { type Parser, textOf, verdictOf } from './parser.ts'
import { ADDRESSES, TICKETS } from './samples.ts'

const KEYS = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
const SCOPE = { session: '0123456789abcdef'.repeat(2), gateway: 'gateway', proxy: 'p' }
const DESTINATION = { host: '10.0.0.5', port: 2598 }
const GRANTS = KEYS.flatMap((key) =>
  [1e15, 1].map((expiry) =>
    mintGrant(key, SCOPE, { cgp: DESTINATION }, expiry, new Uint8Array(80).fill(7)),
  ),
)
const OVERRIDES = [
  ...['gateway.listen=0.0.0.0:443', 'proxy.allow={"names":["a"]}', 'zones.lan=["10.0.0.0/8"]'],
  ...['gateway.limits.dial=5 s', 'sta.maxTickets=7', 'vda.apps=[{}]', 'gateway.secure=off'],
]
const NETWORKS = ['10.1.0.0/16', 'fd00::/8', '192.0.2.1', '::/0', '0.0.0.0/0', '::ffff:0:0/96']

/** Readers of short texts: what they accept, they also write, and read again as the same. */
export const texts: readonly Parser[] = [
  text('ticket', 4, 300, TICKETS, (one) => {
    const ticket = parseTicket(one)
    assert.equal(ticket.reveal(), one)
    assert.equal(ticket.digest().length, 64)
    return ticket
  }),
  text('STA id', 0.5, 300, ['STA02', 'STA0123456789ABC'], (one) => isStaId(one) || undefined),
  text(
    'ticket digits',
    0.5,
    300,
    ['A'.repeat(30), '0'.repeat(32)],
    (one) => isTicketHex(one) || undefined,
  ),
  text('session id', 1, 300, [SCOPE.session], (one) => isSessionId(one) || undefined),
  text('grant', 3, 600, GRANTS, (one) => checkGrant(one, KEYS, SCOPE, DESTINATION, 1000)),
  text('address and port', 4, 2000, ADDRESSES, (one) => {
    const place = parseEndpoint(one)
    if (place !== undefined) assert.deepEqual(parseEndpoint(formatEndpoint(place)), place)
    return place
  }),
  text(
    'host',
    2,
    2000,
    ADDRESSES.map((one) => one.replace(/:\d+$/, '')),
    (one) => {
      const host = canonicalHost(one)
      if (host !== undefined) assert.equal(canonicalHost(host), host)
      return host
    },
  ),
  text(
    'IP address',
    3,
    2000,
    NETWORKS.map((one) => one.replace(/\/.*/, '')),
    (one) => {
      const bytes = parseIp(one)
      if (bytes !== undefined) assert.deepEqual(parseIp(formatIp(bytes)), bytes)
      unmapped(one)
      return bytes
    },
  ),
  text('network', 2, 2000, NETWORKS, parseNetwork),
  {
    name: 'printable ASCII and UTF-8',
    share: 1,
    longest: 300,
    corpus: ['vda.internal', 'Büro'].map(bytesOf),
    judge: (input) =>
      verdictOf(() => {
        const read = utf8(input)
        if (read !== undefined) assert.deepEqual(bytesOf(read), Uint8Array.from(input))
        return printableAscii(input) ?? read
      }),
  },
  text(
    'addresses of a ticket',
    3,
    2000,
    [...ADDRESSES, ...ADDRESSES.map((one) => `${one}:localhost:1494`)],
    (value) => {
      const addresses = addressesOf([
        { name: 'CGPAddress', value },
        { name: 'ICAAddress', value: '10.0.0.5:1494' },
      ])
      return addressFor(2598, addresses)
    },
  ),
  text('--set', 3, 4000, OVERRIDES, parseOverride),
  text('address on the command line', 2, 4000, ADDRESSES, (one) => endpointOf(one, '--gateway')),
  {
    name: 'environment',
    share: 1,
    longest: 4000,
    corpus: OVERRIDES.map((one) => {
      const [path = '', value = ''] = one.split('=')
      return bytesOf(`DOUBLEHOP_${path.replaceAll('.', '_').toUpperCase()}=${value}`)
    }),
    judge: (input, dice) =>
      verdictOf(() => {
        const [variable = '', ...value] = textOf(input, dice).split('=')
        const { problems } = readEnvironment({ [variable]: value.join('=') }, {})
        return problems.length === 0 || undefined
      }),
  },
  schema('duration', 0.5, ['10 s', '250 ms', '5 min', '1 h', '2d'], duration('1 s')),
  schema('duration or off', 0.5, ['10 s', 'off'], durationOrOff('1 s')),
  schema('size', 0.5, ['64 KiB', '1 MiB', '7 B'], size('1 B')),
  schema('address in the configuration', 0.5, ADDRESSES, endpoint),
  schema('network in the configuration', 0.5, NETWORKS, network),
  schema('short name', 0.5, ['echo', 'a.b-c_d'], name),
  text(
    'url of an STA',
    1,
    2000,
    ['https://10.3.0.5:8080', 'http://[::1]/x', 'https://a.b'],
    (url) => stas.safeParse([{ urls: [url] }]).success || undefined,
  ),
]

function text(
  name: string,
  share: number,
  longest: number,
  corpus: readonly string[],
  read: (text: string) => unknown,
): Parser {
  const judge: Parser['judge'] = (input, dice) => verdictOf(() => read(textOf(input, dice)))
  return { name, share, longest, corpus: corpus.map(bytesOf), judge }
}

function schema(
  name: string,
  share: number,
  corpus: readonly string[],
  schema: { safeParse(value: unknown): { success: boolean } },
): Parser {
  return text(name, share, 300, corpus, (one) => schema.safeParse(one).success || undefined)
}
