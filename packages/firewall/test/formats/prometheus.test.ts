import t from 'tap'
import { printable } from '../../src/formats/printable.ts'
import { prometheusOf } from '../../src/formats/prometheus.ts'
import { everyZone, HOSTILE, hostile, samples } from '../samples.ts'
import { readExposition } from './exposition.ts'

t.test('each flow is 1 or 0, by its name', async (t) => {
  const { doublehop_check_flow_ok: flows } = readExposition(prometheusOf(samples.leak))
  t.equal(flows?.type, 'gauge')
  t.equal(flows?.samples.length, 18)
  const wrong = flows?.samples.filter(({ value }) => value === 0)
  t.same(
    wrong?.map(({ labels }) => labels.flow),
    ['gateway-proxy-1080', 'gateway-vda-2598'],
  )
  t.same(flows?.samples[0]?.labels, {
    flow: 'gateway-proxy-1080',
    zone: 'dmz1',
    expect: 'allow',
    from: 'gateway',
    to: 'proxy',
    protocol: 'tcp',
    port: '1080',
  })
})

t.test('a flow without a verdict has no sample: neither alarm nor all-clear', async (t) => {
  const { doublehop_check_flow_ok: flows } = readExposition(prometheusOf(samples.noVerdict))
  t.notOk(flows?.samples.some(({ labels }) => labels.flow === 'gateway-storefront-8444'))
  t.equal(flows?.samples.length, 17)
})

t.test(
  'counts by verdict are there for every zone and verdict, also where they are 0',
  async (t) => {
    const { doublehop_check_flows: counts } = readExposition(
      prometheusOf(everyZone({ 'gateway-vda-2598': ['open'] })),
    )
    t.equal(counts?.samples.length, 6 * 5)
    const leaks = counts?.samples.filter(({ labels }) => labels.verdict === 'leak')
    t.same(
      leaks?.map(({ labels, value }) => [labels.zone, value]),
      [
        ['internet', 0],
        ['lan', 0],
        ['dmz1', 1],
        ['dmz2', 0],
        ['internal', 0],
        ['management', 0],
      ],
    )
  },
)

t.test(
  'when it was checked and how long it took, so that a check that stopped is seen',
  async (t) => {
    const read = readExposition(prometheusOf(samples.healthy))
    t.same(read.doublehop_check_timestamp_seconds?.samples, [
      { labels: { zone: 'dmz1' }, value: Date.parse('2026-03-02T09:30:00Z') / 1000 },
    ])
    t.same(read.doublehop_check_duration_seconds?.samples, [
      { labels: { zone: 'dmz1' }, value: 4.1 },
    ])
    t.same(read.doublehop_check_findings?.samples, [])
  },
)

t.test('no label holds an address, and no series stands twice', async (t) => {
  for (const [name, sample] of Object.entries(samples)) {
    const families = Object.values(readExposition(prometheusOf(sample)))
    const labels = families.flatMap((one) =>
      one.samples.flatMap((each) => Object.values(each.labels)),
    )
    t.notOk(
      labels.some((value) => /\d+\.\d+\.\d+\.\d+|::/.test(value)),
      name,
    )
  }
})

t.test('text of others stays within its quotes', async (t) => {
  const read = readExposition(prometheusOf(hostile))
  const [first] = read.doublehop_check_flow_ok?.samples ?? []
  t.equal(first?.labels.flow, printable(HOSTILE))
})
