import t from 'tap'
import { findingsOf } from '../../src/check/findings.ts'
import type { Arrival } from '../../src/check/result.ts'
import { probe, row } from '../rows.ts'

const TO_PROXY = probe('gateway', 'proxy', 1080, { steps: [2, 5] })
const TO_STOREFRONT = probe('gateway', 'storefront', 8444, { why: 'HTTP is carried there' })
const TO_STA = probe('proxy', 'sta', 8080, { steps: [3, 4] })
const TO_VDA = probe('proxy', 'vda', 2598, { steps: [6, 7, 9] })
const BYPASS = probe('gateway', 'vda', 2598, {
  expect: 'deny',
  why: 'The gateway must reach the VDA only through the proxy.',
})

t.test(
  'a rule that drops is named with the firewall, the rule to add, and the step that stops',
  async (t) => {
    const [finding, ...more] = findingsOf([
      row(TO_PROXY, 'filtered'),
      row(TO_STOREFRONT, 'open'),
      row(BYPASS, 'filtered'),
    ])
    t.same(more, [])
    t.same(finding, {
      code: 'DH_FW_FILTERED',
      level: 'blocked',
      sentence:
        'firewall 2: allow tcp 10.2.0.2 → 10.3.0.2:1080. Silence, so a rule drops it; launches stop at step 2.',
      flows: ['gateway-proxy-1080'],
      firewalls: [2],
      capture: 'host 10.2.0.2 and host 10.3.0.2 and tcp port 1080 or icmp',
    })
  },
)

t.test('a hole stands above a block, with all firewalls of its path', async (t) => {
  const findings = findingsOf([
    row(TO_PROXY, 'rejected', { note: 'ICMP administratively prohibited from 10.2.0.252' }),
    row(TO_STOREFRONT, 'open'),
    row(BYPASS, 'open'),
  ])
  t.same(
    findings.map(({ code, sentence }) => `${code} ${sentence}`),
    [
      'DH_FW_LEAK firewalls 2 and 3 let tcp 10.2.0.2 → 10.4.0.3:2598 through: remove that rule. The gateway must reach the VDA only through the proxy.',
      'DH_FW_REJECTED firewall 2: allow tcp 10.2.0.2 → 10.3.0.2:1080. It is refused on the way (ICMP administratively prohibited from 10.2.0.252); launches stop at step 2.',
    ],
  )
})

t.test(
  'a firewall behind which nothing is heard is one finding, not one for each flow',
  async (t) => {
    const findings = findingsOf([
      row(TO_PROXY, 'filtered'),
      row(TO_STOREFRONT, 'filtered'),
      row(TO_STA, 'open'),
      row(TO_VDA, 'open'),
    ])
    t.match(findings, [
      {
        code: 'DH_FW_STATE',
        firewalls: [2],
        flows: ['gateway-proxy-1080', 'gateway-storefront-8444'],
      },
    ])
    t.equal(findings.length, 1)
    t.match(
      findings[0]?.sentence,
      /^firewall 2: none of 2 needed flows gets through; it lets no answers back/,
    )
  },
)

t.test('each silent firewall is one finding', async (t) => {
  const findings = findingsOf(
    [TO_PROXY, TO_STOREFRONT, TO_STA, TO_VDA].map((one) => row(one, 'filtered')),
  )
  t.same(
    findings.map(({ code, firewalls }) => [code, firewalls]),
    [
      ['DH_FW_STATE', [2]],
      ['DH_FW_STATE', [3]],
    ],
  )
})

t.test('a firewall with one flow alone is not judged as a whole', async (t) => {
  t.match(findingsOf([row(TO_PROXY, 'filtered')]), [{ code: 'DH_FW_FILTERED' }])
})

t.test(
  'arrived and answered, but the answer was lost: told apart by who listens there',
  async (t) => {
    const arrival: Arrival = {
      ...{ protocol: 'tcp', at: '10.3.0.2:1080', from: '10.2.0.2:40001' },
      ...{ state: 'half-open', time: '2026-01-01T00:00:00.000Z' },
    }
    const rows = [row(TO_PROXY, 'filtered'), row(TO_STOREFRONT, 'open')]
    t.match(findingsOf(rows, [arrival]), [
      { code: 'DH_FW_ANSWER_LOST', sentence: /arrives, and the answer is lost on the way back/ },
    ])
    const ofAnother = { ...arrival, from: '10.2.0.2:40009' }
    t.match(findingsOf(rows, [ofAnother]), [{ code: 'DH_FW_FILTERED' }])
  },
)

t.test('a datagram that arrived, and whose answer did not come back', async (t) => {
  const edt = probe('proxy', 'vda', 2598, { protocol: 'udp', speaks: 'edt', steps: [6] })
  const nonce = '0123456789abcdef0123456789abcdef'
  const arrival: Arrival = {
    ...{ protocol: 'udp', at: '10.4.0.3:2598', from: '10.3.0.2:40001', nonce },
    ...{ state: 'datagram', time: '2026-01-01T00:00:00.000Z' },
  }
  const rows = [row(edt, 'unknown', { nonces: [nonce] }), row(TO_PROXY, 'open')]
  t.match(findingsOf(rows, [arrival]), [{ code: 'DH_FW_ANSWER_LOST' }])
  const ofAnother = { ...arrival, nonce: nonce.replace('0', 'f') }
  t.match(findingsOf(rows, [ofAnother]), [{ code: 'DH_FW_UNKNOWN' }])
})

t.test('translated sources are a note', async (t) => {
  const standIn = { address: '10.3.0.254', port: 1 }
  t.match(findingsOf([row(TO_PROXY, 'open', { standIn })]), [
    {
      level: 'note',
      sentence:
        'proxy sees 10.3.0.254 where 10.2.0.2 is expected: firewall 2 translates source addresses.',
    },
  ])
})
