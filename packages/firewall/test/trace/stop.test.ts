import t from 'tap'
import { closed, failed, GOOD, line, shape, step, topology, traced, upTo } from './transcript.ts'

const { ticket, staConnect, redeem } = GOOD
const SILENT_HOP =
  'no next hop can be reached; the last one failed so: next hop proxy cannot be reached: 10.3.0.2:1080 did not answer within 5 s'
const REFUSED_HOP = SILENT_HOP.replace(
  '10.3.0.2:1080 did not answer within 5 s',
  'nothing listens at 10.3.0.2:1080: connection refused',
)
const ASKED = upTo('connect')
const late = (step: string) => `the launch was not finished within 30 s; it stood at step ${step}`
const relay = (code: string, msg: string) =>
  line('proxy', 5000, { event: 'relay-refused', code, msg, action: 'see the page' })
const STA_SILENT =
  'STA at 10.4.0.2:8080 cannot be reached: 10.4.0.2:8080 did not answer within 2.5 s (DH_DIAL_TIMEOUT)'

/** Lines, and what is made of them: the steps, the code, the firewall with the flow, and the words. */
const ROWS: readonly {
  readonly name: string
  readonly lines: readonly string[]
  readonly steps: string
  readonly code: string
  readonly at?: readonly [firewall: number, flow: string, zone: string]
  readonly says?: RegExp
}[] = [
  {
    name: 'the client says nothing of use',
    lines: [failed('gateway', 9, 1, 'DH_ADDRESS_NOT_TICKET', 'the client named an address')],
    steps: '1✗ 2- 3- 4- 5- 6- 7- 8- 9-',
    code: 'DH_ADDRESS_NOT_TICKET',
  },
  {
    name: 'silence between gateway and proxy',
    lines: [ticket, failed('gateway', 5005, 2, 'DH_HOP_NONE', SILENT_HOP)],
    steps: '1 2✗ 3- 4- 5- 6- 7- 8- 9-',
    code: 'DH_HOP_NONE',
    at: [2, 'gateway-proxy-1080', 'dmz1'],
    says: /^no answer from 10\.3\.0\.2:1080: firewall 2 drops it/,
  },
  {
    name: 'the proxy refuses the gateway',
    lines: [ticket, failed('gateway', 9, 2, 'DH_HOP_NONE', REFUSED_HOP)],
    steps: '1 2✗ 3- 4- 5- 6- 7- 8- 9-',
    code: 'DH_HOP_NONE',
    at: [2, 'gateway-proxy-1080', 'dmz1'],
    says: /nothing listens there, or firewall 2 rejects it/,
  },
  {
    name: 'no TLS between gateway and proxy',
    lines: [
      ticket,
      failed(
        'gateway',
        9,
        2,
        'DH_HOP_NONE',
        'no next hop can be reached; the last one failed so: next hop proxy cannot be reached: no TLS with 10.3.0.2:1080: self-signed certificate',
      ),
    ],
    steps: '1 2✗ 3- 4- 5- 6- 7- 8- 9-',
    code: 'DH_HOP_NONE',
    at: [2, 'gateway-proxy-1080', 'dmz1'],
    says: /see that nobody intercepts/,
  },
  {
    name: 'the ticket is not known',
    lines: [
      ...upTo('staConnect'),
      line('proxy', 15, {
        event: 'ticket-refused',
        code: 'DH_TICKET_UNKNOWN',
        msg: 'STA STA01 does not know this ticket',
      }),
      failed('gateway', 20, 4, 'DH_TICKET_UNKNOWN', 'STA STA01 does not know this ticket'),
    ],
    steps: '1 2 3✗ 4- 5- 6- 7- 8- 9-',
    code: 'DH_TICKET_UNKNOWN',
  },
  {
    name: 'silence between proxy and STA',
    lines: [
      ...upTo('staConnect'),
      relay('DH_STA_UNREACHABLE', STA_SILENT),
      failed(
        'gateway',
        5003,
        4,
        'DH_STA_UNREACHABLE',
        'STA STA01 cannot be reached: so says the proxy before it',
      ),
    ],
    steps: '1 2 3✗ 4- 5- 6- 7- 8- 9-',
    code: 'DH_STA_UNREACHABLE',
    at: [3, 'proxy-sta-8080', 'dmz2'],
    says: /^no answer from 10\.4\.0\.2:8080: firewall 3 drops it/,
  },
  {
    name: 'the same without the log of the proxy',
    lines: [
      ...upTo('staConnect'),
      failed(
        'gateway',
        5003,
        4,
        'DH_STA_UNREACHABLE',
        'STA STA01 cannot be reached: so says the proxy before it',
      ),
    ],
    steps: '1 2 3✗ 4- 5- 6- 7- 8- 9-',
    code: 'DH_STA_UNREACHABLE',
    at: [3, 'proxy-sta-8080', 'dmz2'],
    says: /^10\.4\.0\.2:8080 could not be reached/,
  },
  {
    name: 'an STA that takes the connection and says nothing',
    lines: [
      ...upTo('staConnect'),
      relay(
        'DH_STA_TIMEOUT',
        'STA 10.4.0.2:8080 did not answer within 5 s; the ticket may be spent',
      ),
      failed(
        'gateway',
        5003,
        4,
        'DH_STA_TIMEOUT',
        'STA STA01 did not answer within 5 s; the ticket may be spent',
      ),
    ],
    steps: '1 2 3✗ 4- 5- 6- 7- 8- 9-',
    code: 'DH_STA_TIMEOUT',
    at: [3, 'proxy-sta-8080', 'dmz2'],
    says: /let the connection through, and then nothing came back/,
  },
  {
    name: 'the answer holds no address for the port',
    lines: [
      ...upTo('redeem'),
      failed('gateway', 20, 4, 'DH_TICKET_NO_ADDRESS', 'the ticket leads to no ICAAddress'),
    ],
    steps: '1 2 3 4✗ 5- 6- 7- 8- 9-',
    code: 'DH_TICKET_NO_ADDRESS',
  },
  {
    name: 'the proxy goes between redemption and connect',
    lines: [
      ...upTo('resolve'),
      failed(
        'gateway',
        25,
        5,
        'DH_HOP_LOST',
        'next hop proxy was lost during step 5 connect; the ticket is spent',
      ),
    ],
    steps: '1 2 3 4 5✗ 6- 7- 8- 9-',
    code: 'DH_HOP_LOST',
    at: [2, 'gateway-proxy-1080', 'dmz1'],
    says: /was open and broke/,
  },
  {
    name: 'a grant that does not cover the address',
    lines: [
      ...ASKED,
      failed('proxy', 30, 1, 'DH_GRANT_MISMATCH', 'the grant does not cover 10.4.0.3:2598'),
      failed(
        'gateway',
        1030,
        7,
        'DH_SOCKS_DENIED',
        'the SOCKS server denied the connection to 10.4.0.3:2598 (reply 02)',
      ),
    ],
    steps: '1 2 3 4 5✗ 6- 7- 8- 9-',
    code: 'DH_GRANT_MISMATCH',
  },
  {
    name: 'silence between proxy and server',
    lines: [
      ...ASKED,
      failed('proxy', 5030, 6, 'DH_DIAL_TIMEOUT', '10.4.0.3:2598 did not answer within 5 s'),
      closed('proxy', 5030, { reason: 'error:DH_DIAL_TIMEOUT', ms: 5002 }),
      failed(
        'gateway',
        5035,
        7,
        'DH_SOCKS_UNREACHABLE',
        'the SOCKS server could not reach 10.4.0.3:2598 (reply 4)',
      ),
      closed('gateway', 5035, { reason: 'error:DH_SOCKS_UNREACHABLE' }),
    ],
    steps: '1 2 3 4 5 6✗ 7- 8- 9-',
    code: 'DH_DIAL_TIMEOUT',
    at: [3, 'proxy-vda-2598', 'dmz2'],
    says: /^no answer from 10\.4\.0\.3:2598: firewall 3 drops it/,
  },
  {
    name: 'the server refuses the proxy',
    lines: [
      ...ASKED,
      failed(
        'proxy',
        30,
        6,
        'DH_DIAL_REFUSED',
        'nothing listens at 10.4.0.3:2598: connection refused',
      ),
      failed(
        'gateway',
        35,
        7,
        'DH_SOCKS_UNREACHABLE',
        'the SOCKS server could not reach 10.4.0.3:2598 (reply 5)',
      ),
    ],
    steps: '1 2 3 4 5 6✗ 7- 8- 9-',
    code: 'DH_DIAL_REFUSED',
    at: [3, 'proxy-vda-2598', 'dmz2'],
    says: /^10\.4\.0\.3:2598 refused/,
  },
  {
    name: 'no way from the proxy to the server',
    lines: [
      ...ASKED,
      failed(
        'proxy',
        30,
        6,
        'DH_DIAL_HOST_UNREACHABLE',
        '10.4.0.3:2598 cannot be reached: EHOSTUNREACH',
      ),
    ],
    steps: '1 2 3 4 5 6✗ 7- 8- 9-',
    code: 'DH_DIAL_HOST_UNREACHABLE',
    at: [3, 'proxy-vda-2598', 'dmz2'],
    says: /^no way to 10\.4\.0\.3:2598: firewall 3 rejects it/,
  },
  {
    name: 'the server cannot be reached, and only the gateway was heard',
    lines: [
      ...ASKED.filter((one) => one !== redeem),
      failed(
        'gateway',
        5035,
        7,
        'DH_SOCKS_UNREACHABLE',
        'the SOCKS server could not reach 10.4.0.3:2598 (reply 4)',
      ),
    ],
    steps: '1 2 3? 4 5 6✗ 7- 8- 9-',
    code: 'DH_SOCKS_UNREACHABLE',
    at: [3, 'proxy-vda-2598', 'dmz2'],
  },
  {
    name: 'the workspace waits no longer while the proxy dials',
    lines: [
      ...ASKED,
      failed(
        'gateway',
        3000,
        7,
        'DH_CLIENT_GONE',
        'the client ended its connection during step 7 answer',
      ),
      failed(
        'proxy',
        3001,
        6,
        'DH_CLIENT_GONE',
        'the client ended its connection during step 6 dial',
      ),
    ],
    steps: '1 2 3 4 5 6✗ 7- 8- 9-',
    code: 'DH_CLIENT_GONE',
    at: [3, 'proxy-vda-2598', 'dmz2'],
    says: /^no answer from 10\.4\.0\.3:2598/,
  },
  {
    name: 'the launch takes too long while the proxy dials',
    lines: [
      ...ASKED,
      failed('gateway', 30_000, 7, 'DH_LAUNCH_DEADLINE', late('7 answer')),
      failed(
        'proxy',
        30_001,
        6,
        'DH_CLIENT_GONE',
        'the client ended its connection during step 6 dial',
      ),
    ],
    steps: '1 2 3 4 5 6✗ 7- 8- 9-',
    code: 'DH_LAUNCH_DEADLINE',
    at: [3, 'proxy-vda-2598', 'dmz2'],
  },
  {
    name: 'the launch takes too long, and the answer of the proxy never came',
    lines: [...upTo('dial'), failed('gateway', 30_000, 7, 'DH_LAUNCH_DEADLINE', late('7 answer'))],
    steps: '1 2 3 4 5 6 7✗ 8- 9-',
    code: 'DH_LAUNCH_DEADLINE',
    at: [2, 'gateway-proxy-1080', 'dmz1'],
  },
  {
    name: 'redeemed at the proxy: silence between gateway and proxy',
    lines: [ticket, failed('gateway', 5005, 5, 'DH_HOP_NONE', SILENT_HOP)],
    steps: '1 2- 3- 4- 5✗ 6- 7- 8- 9-',
    code: 'DH_HOP_NONE',
    at: [2, 'gateway-proxy-1080', 'dmz1'],
  },
  {
    name: 'redeemed at the proxy: silence between proxy and STA',
    lines: [
      ticket,
      step('gateway', 10, 5, ';40;STA01;2d4e… port 2598'),
      failed('proxy', 2515, 2, 'DH_STA_UNREACHABLE', STA_SILENT),
      failed(
        'gateway',
        2520,
        7,
        'DH_SOCKS_UNREACHABLE',
        'the SOCKS server could not reach the ticket (reply 4)',
      ),
    ],
    steps: '1 2✗ 3- 4- 5 6- 7- 8- 9-',
    code: 'DH_STA_UNREACHABLE',
    at: [3, 'proxy-sta-8080', 'dmz2'],
    says: /^no answer from 10\.4\.0\.2:8080/,
  },
  {
    name: 'a foreign next hop cannot reach the STA',
    lines: [
      ticket,
      failed(
        'gateway',
        5005,
        2,
        'DH_STA_UNREACHABLE',
        'STA 10.4.0.2:8080 cannot be reached: the SOCKS server could not reach 10.4.0.2:8080 (reply 4)',
      ),
    ],
    steps: '1 2✗ 3- 4- 5- 6- 7- 8- 9-',
    code: 'DH_STA_UNREACHABLE',
    at: [3, 'proxy-sta-8080', 'dmz2'],
  },
  {
    name: 'a foreign next hop cannot reach the server',
    lines: [
      ticket,
      staConnect,
      step('gateway', 15, 3, 'STA01: ticket known, unused', { route: 'gateway → sta' }),
      GOOD.resolve,
      GOOD.connect,
      failed(
        'gateway',
        5035,
        7,
        'DH_SOCKS_UNREACHABLE',
        'the SOCKS server could not reach 10.4.0.3:2598 (reply 4)',
      ),
    ],
    steps: '1 2 3 4 5 6✗ 7- 8- 9-',
    code: 'DH_SOCKS_UNREACHABLE',
    at: [3, 'proxy-vda-2598', 'dmz2'],
  },
]

const knowledge = topology()

for (const { name, lines, steps, code, at, says } of ROWS) {
  t.test(name, async (t) => {
    const trace = traced(lines, knowledge)
    t.equal(shape(trace), steps)
    t.equal(trace.stop?.code, code)
    t.ok(trace.stop?.message)
    if (at === undefined) return t.notOk(trace.standing, 'no firewall is the reason')
    const [firewall, flow, zone] = at
    t.match(trace.standing, {
      firewalls: [firewall],
      flow,
      next: `doublehop check --zone ${zone} --only ${flow}`,
    })
    if (says) t.match(trace.standing?.sentence, says)

    const { standing } = traced(lines)
    t.match(
      standing,
      { firewalls: [firewall], next: `doublehop check --zone ${zone}` },
      'the picture alone says so too',
    )
    t.notOk(standing?.flow)
  })
}

t.test('how long the step took that a launch stopped in', async (t) => {
  const silent = ROWS.find(({ name }) => name === 'silence between proxy and server')
  const { steps } = traced(silent?.lines ?? [])
  t.match(steps[5], { daemon: 'proxy', detail: 'DH_DIAL_TIMEOUT', route: 'proxy → vda', ms: 5002 })
})

t.test('who gave up while the other one waited', async (t) => {
  const gaveUp = (name: string) =>
    traced(ROWS.find((row) => row.name === name)?.lines ?? []).stop?.gaveUp
  t.equal(gaveUp('the workspace waits no longer while the proxy dials'), 'workspace')
  t.equal(gaveUp('the launch takes too long while the proxy dials'), 'gateway')
  t.equal(gaveUp('silence between proxy and server'), undefined)
})

t.test('a proxy that refused what its gateway does not yet know of', async (t) => {
  const trace = traced([
    ...ASKED,
    failed(
      'proxy',
      30,
      6,
      'DH_DIAL_REFUSED',
      'nothing listens at 10.4.0.3:2598: connection refused',
    ),
  ])
  t.match(trace, { stop: { step: 6, daemon: 'proxy' }, standing: { firewalls: [3] } })
})
