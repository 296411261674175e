import { createHash } from 'node:crypto'
import t from 'tap'
import type { DeepResult } from '../../src/check/deep-result.ts'
import type { CheckResult, ListenResult } from '../../src/check/result.ts'
import { join } from '../../src/report/join.ts'
import { reportPage } from '../../src/report/page.ts'
import { everyZone, hostile, onHost, sampleCheck, samples, type Troubles } from '../samples.ts'
import { attributes, section, textOf } from './reading.ts'

const pageOf = (...results: CheckResult[]) => reportPage(join(results, []))
const withTroubles = (troubles: Troubles) => reportPage(everyZone(troubles))

t.test('the first line is the verdict', async (t) => {
  const headline = (page: string) => textOf(/<h1[^>]*>(.*?)<\/h1>/s.exec(page)?.[1] ?? '')
  t.equal(headline(reportPage(everyZone())), 'All 115 flows are as they must be')
  t.equal(
    headline(withTroubles({ 'gateway-proxy-1080': ['filtered'] })),
    '1 of 14 needed flows is blocked',
  )
  t.equal(headline(withTroubles({ 'gateway-vda-2598': ['open'] })), '1 forbidden flow gets through')
  t.equal(
    headline(
      withTroubles({
        'gateway-vda-2598': ['open'],
        'lan-sta-8080': ['open'],
        'proxy-sta-8080': ['closed'],
        'storefront-sta-8080': ['closed'],
      }),
    ),
    '2 forbidden flows get through, and 2 of 14 needed flows are blocked',
  )
  t.equal(
    headline(withTroubles({ 'gateway-storefront-8444': ['unknown'] })),
    'No verdict on 1 flow; nothing else is wrong',
  )
  t.equal(headline(pageOf(samples.healthy)), '18 flows as they must be, and zones left to check')
  t.equal(headline(pageOf(onHost(samples.healthy, '192.0.2.1'))), 'Nothing was checked')
  t.equal(headline(pageOf()), 'Nothing was checked')
})

t.test('it says when, from where, and which zones nobody checked', async (t) => {
  const all = textOf(section(reportPage(everyZone()), 'verdict'))
  t.match(
    all,
    'Checked from Internet, LAN, DMZ 1, DMZ 2, Internal and Management, 2026-03-02 09:30 UTC.',
  )
  t.notMatch(all, 'Not checked')
  const one = pageOf(samples.healthy)
  t.match(
    textOf(section(one, 'verdict')),
    /Not checked: Internet, LAN, DMZ 2, Internal and Management\./,
  )
  t.match(textOf(section(one, 'runs')), 'not checked: run doublehop check --zone internal there')
  t.match(section(one, 'picture'), />not checked</)
})

t.test('several hosts of a zone are one zone', async (t) => {
  const page = pageOf(
    onHost(sampleCheck('dmz2'), '10.3.0.2'),
    onHost(sampleCheck('dmz2'), '10.3.0.3'),
  )
  t.match(textOf(section(page, 'verdict')), 'Checked from DMZ 2, 2026-03-02 09:30 UTC.')
  t.match(textOf(section(page, 'verdict')), /Not run 0/)
})

t.test('each finding has its sentence, its command, and links to its flows', async (t) => {
  const findings = section(pageOf(samples.leak), 'findings')
  const text = textOf(findings)
  t.match(text, samples.leak.findings[0]?.sentence)
  t.match(text, "tcpdump -ni any 'host 10.2.0.2 and host 10.4.0.3 and tcp port 2598 or icmp'")
  t.ok(text.indexOf('DH_FW_LEAK') < text.indexOf('DH_FW_FILTERED'), 'the leak stands first')
  t.same(attributes(findings, 'href'), ['#flow-gateway-vda-2598', '#flow-gateway-proxy-1080'])
  t.match(textOf(section(pageOf(samples.healthy), 'findings')), 'Nothing.')
})

t.test('the picture draws what is needed and what leaks, and counts the rest', async (t) => {
  const page = withTroubles({ 'gateway-vda-2598': ['open'], 'gateway-proxy-1080': ['filtered'] })
  const picture = section(page, 'picture')
  const lines = [...picture.matchAll(/<a class="flow (\w+)" href="#flow-([\w-]+)"/g)]
  t.equal(lines.length, 15, '14 needed flows and a leak')
  t.same(
    lines.flatMap(([, style, id]) => (style === 'pass' ? [] : [[style, id]])),
    [
      ['blocked', 'gateway-proxy-1080'],
      ['leak', 'gateway-vda-2598'],
    ],
    'drawn last, above the quiet ones',
  )
  t.match(
    attributes(picture, 'aria-label').find((label) => label.startsWith('gateway → vda')),
    'gateway → vda 10.4.0.3:2598/tcp · firewalls ②③ · (bypass) · leak, observed open',
  )
  t.match(textOf(picture), '100 forbidden flows that are shut, as they must be, are not drawn.')
  const leak = /<a class="flow leak".*?<\/a>/s.exec(picture)?.[0] ?? ''
  t.same(
    [...leak.matchAll(/<text y="4.5">(\d)<\/text>/g)].map(([, number]) => number),
    ['2', '3'],
    'both firewalls of the hole are marked with their numbers',
  )
})

t.test('every leak there can be is drawn through every firewall of its path', async (t) => {
  const { rows } = everyZone()
  const open = rows.filter(({ flow }) => flow.expect === 'deny').map(({ flow }) => flow.id)
  const page = withTroubles(Object.fromEntries(open.map((id) => [id, ['open']])))
  const picture = section(page, 'picture')
  for (const { flow } of rows.filter(({ flow }) => flow.expect === 'deny')) {
    const line = picture.split('<a ').find((one) => one.includes(`href="#flow-${flow.id}"`)) ?? ''
    const marks = [...line.matchAll(/<text y="4.5">(\d)<\/text>/g)].map(([, one]) => Number(one))
    t.same(marks, flow.firewalls, flow.id)
    t.match(line, /<path class="line" d="M[\d. -]+[HLC]/)
    t.notMatch(line, /NaN|undefined|Infinity/)
  }
})

t.test('IPv6 is drawn like IPv4', async (t) => {
  const lines = (page: string) => section(page, 'picture').match(/class="flow pass"/g)?.length
  t.equal(lines(reportPage(everyZone({}, 6))), 14)
})

t.test('the steps show where launches stop', async (t) => {
  const states = (troubles: Troubles) =>
    [...section(withTroubles(troubles), 'steps').matchAll(/<tr><th scope="row">(.*?)<\/tr>/gs)].map(
      ([line]) => textOf(/<td><span class="chip.*$/s.exec(line)?.[0] ?? '').replace(/^\S+ /, ''),
    )
  t.same(states({}), Array(9).fill('stands'))
  t.same(states({ 'gateway-proxy-1080': ['filtered'] }), [
    'stands',
    'launches stop here',
    'not reached',
    'not reached',
    'not reached, and blocked',
    'not reached',
    'not reached',
    'not reached',
    'not reached',
  ])
  t.same(states({ 'proxy-vda-2598': ['filtered'] }).slice(4), [
    'stands',
    'some launches stop here',
    'not reached by some',
    'stands',
    'not reached by some',
  ])
  t.equal(states({ 'proxy-sta-8080': ['unknown'] })[2], 'no verdict')
  const one = textOf(section(pageOf(samples.healthy), 'steps'))
  t.match(one, '6 dial the proxy connects to the server – not checked')
})

t.test('the matrix has a cell for every flow that was checked', async (t) => {
  const troubles: Troubles = { 'gateway-vda-2598': ['open'], 'proxy-sta-8080': ['unknown'] }
  const matrix = section(withTroubles(troubles), 'matrix')
  const count = (style: string) => matrix.match(new RegExp(`class="chip ${style}"`, 'g'))?.length
  t.equal(count('shut'), 100)
  t.equal(count('pass'), 13)
  t.equal(count('leak'), 1)
  t.equal(count('unknown'), 1)
  t.match(textOf(/<code>10\.4\.0\.3:2598\/tcp.*?<\/tr>/s.exec(matrix)?.[0] ?? ''), /! leak/)
})

t.test('firewalls are judged one by one', async (t) => {
  const cards = textOf(section(withTroubles({ 'gateway-vda-2598': ['open'] }), 'firewalls'))
  t.match(cards, /Firewall 1 .* 4 needed flows let through, 28 forbidden flows shut\. ②/)
  t.match(cards, /Firewall 2 .* shut\. Lets through: gateway-vda-2598 ③ Firewall 3/)
  t.match(cards, /Firewall 3 .* Lets through: gateway-vda-2598$/)
})

t.test('addresses that arrived are told, and one of nobody is marked as translated', async (t) => {
  const dmz2: CheckResult = {
    ...sampleCheck('dmz2'),
    sessions: [
      { daemon: 'proxy', peer: '10.2.0.2:40111', peerName: 'gateway', server: '10.4.0.3:2598' },
      { daemon: 'proxy', peer: '10.3.0.1:40112', peerName: 'gateway' },
    ],
  }
  const dmz1: CheckResult = {
    ...samples.healthy,
    sessions: [{ daemon: 'gateway', peer: '203.0.113.7:50000' }],
  }
  const listen: ListenResult = {
    ...{ doublehop: 'listen', version: 1, zone: 'internal', started: '2026-03-02T09:29:00Z' },
    ...{ seconds: 90, listeners: [{ protocol: 'tcp', at: '10.4.0.2:8080' }] },
    arrivals: [
      {
        ...{ protocol: 'tcp', at: '10.4.0.2:8080', from: '10.3.0.2:48080', state: 'half-open' },
        time: '2026-03-02T09:30:01Z',
      },
    ],
  }
  const sources = textOf(section(reportPage(join([dmz1, dmz2], [listen])), 'sources'))
  t.match(sources, 'proxy 10.2.0.2:40111 gateway gateway 10.4.0.3:2598')
  t.match(sources, 'proxy 10.3.0.1:40112 an address of no host: translated on the way? gateway')
  t.match(sources, 'gateway 203.0.113.7:50000 somebody', 'people come from anywhere')
  t.match(sources, '10.4.0.2:8080 10.3.0.2:48080 proxy asked, and the answer was lost')
  t.equal(section(reportPage(everyZone()), 'sources'), '')
})

t.test('paths and deep results have their tables where there are any', async (t) => {
  const blocked = textOf(section(pageOf(samples.blocked), 'paths'))
  t.match(blocked, /gateway → proxy → STA01 gateway-proxy-1080 proxy-sta-8080 – not run/)
  const deep: DeepResult[] = [
    {
      ...{ flow: 'gateway-proxy-1080', route: '10.2.0.2 → 10.3.0.2:1080', firewalls: [2] },
      tests: [
        {
          ...{ test: 'idle', result: 'fail', code: 'DH_FW_IDLE', seconds: 41 },
          sentence: 'firewall 2 forgets a session after 18 to 22 s of silence',
        },
        { test: 'mtu', result: 'pass', seconds: 1, sentence: 'packets of 1500 bytes pass' },
      ],
    },
    {
      ...{ flow: 'proxy-sta-8080', route: '10.3.0.2 → 10.4.0.2:8080', firewalls: [3] },
      ...{ tests: [], note: 'a daemon answers in the place of doublehop listen' },
    },
  ]
  const told = textOf(section(reportPage(everyZone(), deep), 'deep'))
  t.match(
    told,
    /② idle firewall 2 forgets a session after 18 to 22 s of silence ✕ fails DH_FW_IDLE/,
  )
  t.match(told, /③ – a daemon answers in the place of doublehop listen – not run/)
  t.equal(section(reportPage(everyZone()), 'deep'), '')
})

t.test('links lead somewhere, and no id stands twice', async (t) => {
  const deeds = { 'gateway-vda-2598': ['open'], 'proxy-vda-1494': ['rejected'] } as const
  for (const page of [
    withTroubles(deeds),
    reportPage({ ...join([hostile], []), findings: hostile.findings }),
    pageOf(samples.oneHostOfTwo),
  ]) {
    const ids = attributes(page, 'id')
    t.equal(new Set(ids).size, ids.length)
    const lost = attributes(page, 'href').filter((href) => !ids.includes(href.replace(/^#/, '')))
    t.same(lost, [])
    const named = attributes(page, 'aria-labelledby').filter((id) => !ids.includes(id))
    t.same(named, [])
  }
})

t.test('it needs nothing else, and lets nothing else in', async (t) => {
  const page = reportPage(everyZone())
  t.notMatch(page, /<script|\ssrc=|@import|<link|style="|\son\w+="/)
  t.same(
    page.match(/url\([^)]*\)/g)?.filter((url) => !url.startsWith('url(#')),
    [],
  )
  t.same([...new Set(page.match(/https?:[^"'\s]*/g))], ['http://www.w3.org/2000/svg'])
  const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1]
  t.equal(
    policy?.replaceAll('&#39;', "'"),
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
  )
})

t.test('text of others is text', async (t) => {
  const page = reportPage({ ...join([hostile], []), findings: hostile.findings })
  t.notMatch(page, /<script|<\/style>.*<\/style>/s)
  const tags = new Set([...page.matchAll(/<([a-z!]+)/gi)].map(([, tag]) => tag))
  const own = new Set([...pageOf(samples.leak).matchAll(/<([a-z!]+)/gi)].map(([, tag]) => tag))
  for (const tag of tags) t.ok(own.has(tag) || tag === 'h3', `${tag} is one of the page's own`)
  t.same(page.replaceAll('\n', '').match(/[\p{C}\p{Zl}\p{Zp}]/gu), null)
  t.match(textOf(section(page, 'findings')), '<script>alert("1")</script> \' " & ]]>')
})
