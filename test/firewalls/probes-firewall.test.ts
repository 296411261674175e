import { join } from 'node:path'
import type { Probe } from '@doublehop/firewall/check/plan'
import { makeLabCertificates } from '@doublehop/pki/lab'
import t from 'tap'
import { temporaryFolder } from '../kit/house.ts'
import {
  FAR,
  NEAR,
  NOBODY,
  NOWHERE,
  ProbeNet,
  type Timed,
  WALL,
  withoutFirewall,
} from '../kit/probe-net.ts'
import { type ProbeParts, probeOf } from '../kit/probe-of.ts'
import { PORTS } from '../kit/probe-ports.ts'
import { until } from '../kit/wait.ts'

const FAMILIES = ['v4', 'v6'] as const
type Family = (typeof FAMILIES)[number]

const skip = withoutFirewall('tcpdump')
const certs = join(temporaryFolder(), 'certs')
const net = skip === false ? await opened() : undefined

async function opened(): Promise<ProbeNet> {
  makeLabCertificates(certs)
  return await ProbeNet.open(t, certs)
}

interface How {
  readonly witness?: boolean
  readonly timeout?: number
}

/** One probe over each family, seen with or without tcpdump. */
async function see(
  parts: ProbeParts & { readonly port: number },
  how: How = {},
  to: Readonly<Record<Family, string>> = FAR,
): Promise<Record<Family, Timed['observation']>> {
  const { v4, v6 } = await seeTimed(parts, how, to)
  return { v4: v4.observation, v6: v6.observation }
}

/** The same, and how long each took. */
async function seeTimed(
  parts: ProbeParts & { readonly port: number },
  { witness = false, timeout = 1000 }: How = {},
  to: Readonly<Record<Family, string>> = FAR,
): Promise<Record<Family, Timed>> {
  const probes = FAMILIES.map((family) => between(family, parts, to))
  const seen = await net?.observe({ probes, timeoutMilliseconds: timeout, witness })
  const [v4, v6] = seen ?? []
  if (v4 === undefined || v6 === undefined) throw new Error('the agent has not answered')
  return { v4, v6 }
}

function between(
  family: Family,
  parts: ProbeParts & { readonly port: number },
  to: Readonly<Record<Family, string>> = FAR,
): Probe {
  return probeOf({ from: NEAR[family], to: to[family], ...parts })
}

t.test('a flow that is let through is open', { skip }, async (t) => {
  net?.rules()
  const mutual = {
    serverName: 'proxy',
    ca: join(certs, 'gateway/ca.crt'),
    certificate: join(certs, 'gateway/tls.crt'),
    key: join(certs, 'gateway/tls.key'),
  }
  const open = { observed: 'open', ports: [/^\d+$/] }
  // Nobody is in a hurry to try again.
  const patient = { timeout: 20_000 }
  const proxy = await see({ port: PORTS.proxy, speaks: 'socks', tls: mutual }, patient)
  t.match(proxy, { v4: open, v6: open })
  t.same(proxy.v4.ports.length, 1, 'one connection is enough for all of it')
  t.match(await see({ port: PORTS.echo, speaks: 'echo' }), { v4: open, v6: open })
  const udp = { protocol: 'udp' } as const
  t.match(await see({ ...udp, port: PORTS.dns, speaks: 'dns' }), { v4: open, v6: open })
  t.match(await see({ ...udp, port: PORTS.ntp, speaks: 'ntp' }), { v4: open, v6: open })
})

t.test('silence is believed after three connections from three ports', { skip }, async (t) => {
  net?.rules('meta l4proto tcp drop')
  const silent = {
    observed: 'filtered',
    note: undefined,
    layers: [
      { layer: 'tcp', result: 'fail', note: /to 3 connections$/ },
      { layer: 'echo', result: 'skip' },
    ],
  }
  const parts = { port: PORTS.echo, speaks: 'echo' } as const
  const timeout = 1000
  // The last of the three begins at a fifth of the timeout, and waits for all of it. Clocks differ by a little.
  const least = 0.95 * 1.2 * timeout
  for (const seen of await Promise.all([
    seeTimed(parts, { witness: true, timeout }),
    seeTimed(parts, { timeout }),
  ]))
    for (const { observation, milliseconds } of Object.values(seen)) {
      t.match(observation, silent)
      t.same(new Set(observation.ports).size, 3)
      t.ok(milliseconds >= least, `each of them waits the whole timeout: ${milliseconds} ms`)
    }
})

t.test('two lost packets are no firewall', { skip }, async (t) => {
  // The first two of three get no answer; the kernel would try each of them again only after a second.
  const lost = 'numgen inc mod 3 < 2 drop'
  const syn = (family: string): string => `meta nfproto ${family} tcp flags syn / syn,ack ${lost}`
  net?.rules(syn('ipv4'), syn('ipv6'))
  const seen = await see({ port: PORTS.echo, speaks: 'echo' }, { timeout: 900 })
  t.match(seen, { v4: { observed: 'open' }, v6: { observed: 'open' } })
})

t.test('a reset is a closed port, whoever sends it', { skip }, async (t) => {
  net?.rules()
  const shut = await see({ port: PORTS.shut })
  const blind = { observed: 'closed', note: /^closed or rejected$/ }
  t.match(shut, { v4: blind, v6: blind })
  const host = await see({ port: PORTS.shut }, { witness: true })
  for (const family of FAMILIES)
    t.match(host[family], {
      observed: 'closed',
      note: `reset by ${FAR[family]}, which arrived with TTL 63`,
    })

  net?.rules('meta l4proto tcp reject with tcp reset')
  const wall = await see({ port: PORTS.echo }, { witness: true })
  for (const family of FAMILIES)
    t.match(wall[family], {
      observed: 'closed',
      note: `reset by ${FAR[family]}, which arrived with TTL 64`,
    })
})

/** What nftables can answer: in its words, and in those of a check with and without tcpdump. */
const REJECTIONS = [
  ['ip', 'port-unreachable', 'rejected', 'port unreachable', 'closed', 'closed or rejected'],
  [
    'ip',
    'admin-prohibited',
    'rejected',
    'administratively prohibited',
    'rejected',
    'rejected or host down',
  ],
  [
    'ip',
    'host-prohibited',
    'rejected',
    'host administratively prohibited',
    'rejected',
    'rejected or host down',
  ],
  [
    'ip',
    'net-prohibited',
    'rejected',
    'network administratively prohibited',
    'no-route',
    'no route',
  ],
  [
    'ip',
    'prot-unreachable',
    'rejected',
    'protocol unreachable',
    'rejected',
    'protocol unreachable',
  ],
  ['ip', 'host-unreachable', 'no-route', 'host unreachable', 'rejected', 'rejected or host down'],
  ['ip', 'net-unreachable', 'no-route', 'net unreachable', 'no-route', 'no route'],
  ['ip6', 'port-unreachable', 'rejected', 'port unreachable', 'closed', 'closed or rejected'],
  [
    'ip6',
    'admin-prohibited',
    'rejected',
    'administratively prohibited',
    'rejected',
    'administratively prohibited',
  ],
  [
    'ip6',
    'policy-fail',
    'rejected',
    'source address failed policy',
    'rejected',
    'administratively prohibited',
  ],
  [
    'ip6',
    'reject-route',
    'rejected',
    'reject route to destination',
    'rejected',
    'administratively prohibited',
  ],
  [
    'ip6',
    'addr-unreachable',
    'no-route',
    'address unreachable',
    'rejected',
    'rejected or host down',
  ],
  ['ip6', 'no-route', 'no-route', 'no route to destination', 'no-route', 'no route'],
] as const

t.test('every ICMP error is named with its kind and its sender', { skip }, async (t) => {
  const portOf = (index: number): number => 6000 + index
  const rules = REJECTIONS.map(([ip, kind], index) => {
    const family = ip === 'ip' ? 'meta nfproto ipv4' : 'meta nfproto ipv6'
    const icmp = ip === 'ip' ? 'icmp' : 'icmpv6'
    return `${family} th dport ${portOf(index)} reject with ${icmp} type ${kind}`
  })
  net?.rules(...rules)
  const familyOf = (ip: 'ip' | 'ip6'): Family => (ip === 'ip' ? 'v4' : 'v6')
  const all = async (parts: ProbeParts, witness: boolean): Promise<Timed['observation'][]> => {
    const probes = REJECTIONS.map(([ip], index) =>
      between(familyOf(ip), { ...parts, port: portOf(index) }),
    )
    // Twice as long as the kernel needs for its second try: it misses an answer that comes too soon.
    const seen = await net?.observe({ probes, timeoutMilliseconds: 2500, witness })
    return (seen ?? []).map(({ observation }) => observation)
  }
  const tcp = await all({ speaks: 'echo' }, true)
  const udp = await all({ protocol: 'udp', speaks: 'dns' }, true)
  const blind = await all({ speaks: 'echo' }, false)
  for (const [index, [ip, kind, observed, words, blindly, blindNote]] of REJECTIONS.entries()) {
    const named = { observed, note: `ICMP ${words} from ${WALL[familyOf(ip)]}` }
    t.match(tcp[index], named, `${ip} ${kind}`)
    t.match(tcp[index]?.layers, [{ layer: 'tcp', result: 'fail' }, { result: 'skip' }])
    t.match(udp[index], named, `${ip} ${kind}, UDP`)
    const unseen = { observed: blindly, note: blindNote }
    t.match(blind[index], unseen, `${ip} ${kind}, without tcpdump`)
  }
})

t.test('a router without a way there says so', { skip }, async (t) => {
  net?.rules()
  const seen = await see({ port: PORTS.echo }, { witness: true }, NOWHERE)
  t.match(seen.v4, { observed: 'no-route', note: `ICMP net unreachable from ${WALL.v4}` })
  t.match(seen.v6, { observed: 'no-route', note: `ICMP no route to destination from ${WALL.v6}` })
})

t.test('who is down is told by the last router, or by the silence to ARP', { skip }, async (t) => {
  net?.rules()
  const neighbour = { v4: '10.2.0.77', v6: '2001:db8:2::77' }
  const probes = [NOBODY, neighbour].flatMap((to) =>
    FAMILIES.map((family) => between(family, { port: PORTS.echo }, to)),
  )
  // Both ask three times, a second apart.
  const seen = await net?.observe({ probes, timeoutMilliseconds: 6000, witness: true })
  t.match(
    seen?.map(({ observation: { observed, note } }) => ({ observed, note })),
    [
      { observed: 'no-route', note: `ICMP host unreachable from ${WALL.v4}` },
      { observed: 'no-route', note: `ICMP address unreachable from ${WALL.v6}` },
      { observed: 'no-route', note: 'no answer to ARP' },
      { observed: 'no-route', note: 'no answer to neighbour discovery' },
    ],
  )
})

t.test('a host without any route says that it is itself', { skip }, async (t) => {
  net?.atNear('ip', 'route', 'del', 'default')
  net?.atNear('ip', '-6', 'route', 'del', 'default')
  const seen = await see({ port: PORTS.echo }, { witness: true })
  net?.atNear('ip', 'route', 'add', 'default', 'via', WALL.v4)
  net?.atNear('ip', '-6', 'route', 'add', 'default', 'via', WALL.v6)
  const here = { observed: 'no-route', note: 'this host has no route there' }
  t.match(seen, { v4: here, v6: here })
})

t.test('an address of another host is left to that host', { skip }, async (t) => {
  const v4 = between('v4', { port: PORTS.echo, from: '10.2.0.3' })
  const v6 = between('v6', {
    port: PORTS.dns,
    from: '2001:db8:2::3',
    protocol: 'udp',
    speaks: 'dns',
  })
  const seen = await net?.observe({ probes: [v4, v6], timeoutMilliseconds: 1000 })
  for (const one of seen ?? [])
    t.match(one.observation, { elsewhere: true, observed: 'unknown', ports: [] })
})

t.test(
  'UDP: silence, a closed port, a stranger, and where nobody needs to answer',
  { skip },
  async (t) => {
    net?.rules()
    const udp = { protocol: 'udp' } as const
    const silent = { observed: 'filtered', layers: [{ layer: 'udp', note: /to 5 datagrams$/ }] }
    const edt = { ...udp, port: PORTS.mute, speaks: 'edt' } as const
    const [mute, needless, forbidden] = await Promise.all([
      see({ ...udp, port: PORTS.mute, speaks: 'ntp' }),
      see(edt),
      see({ ...edt, expect: 'deny' }),
    ])
    t.match(mute, { v4: silent, v6: silent })
    for (const { ports } of Object.values(mute)) t.same(new Set(ports).size, 5)
    const nobody = {
      observed: 'unknown',
      note: 'nobody needs to answer there; run doublehop listen',
    }
    t.match(needless, { v4: nobody, v6: nobody })
    t.match(forbidden, { v4: { observed: 'filtered' }, v6: { observed: 'filtered' } })

    const closed = await see({ ...udp, port: PORTS.shut, speaks: 'dns' }, { witness: true })
    for (const family of FAMILIES)
      t.match(closed[family], {
        observed: 'closed',
        note: `ICMP port unreachable from ${FAR[family]}`,
      })
    const other = { observed: 'wrong-service', note: 'answers "hello, whoever you are"' }
    t.match(await see({ ...udp, port: PORTS.web, speaks: 'dns' }), { v4: other, v6: other })
  },
)

t.test(
  'doublehop listen is known wherever it stands in, and tells the source it saw',
  { skip },
  async (t) => {
    net?.rules()
    const standsIn = (family: Family) => ({
      observed: 'open',
      standIn: { address: NEAR[family] },
      nonces: [/^[0-9a-f]{32}$/],
    })
    const tls = { serverName: 'proxy', ca: join(certs, 'gateway/ca.crt') }
    for (const speaks of ['tcp', 'socks', 'sta', 'ica', 'echo', 'redis'] as const) {
      const seen = await see({ port: PORTS.standIn, speaks }, { timeout: 3000 })
      for (const family of FAMILIES) t.match(seen[family], standsIn(family), speaks)
    }
    const behindTls = await see({ port: PORTS.standIn, speaks: 'socks', tls }, { timeout: 3000 })
    const note = 'doublehop listen answers in its place'
    for (const family of FAMILIES)
      t.match(behindTls[family], {
        ...standsIn(family),
        layers: [
          { layer: 'tcp', result: 'pass' },
          { layer: 'tls', result: 'skip', note },
          { layer: 'socks', result: 'skip', note },
        ],
      })
    const udp = await see({ port: PORTS.standIn, protocol: 'udp', speaks: 'edt' })
    for (const family of FAMILIES) t.match(udp[family], standsIn(family), 'edt')
  },
)

t.test('on a forbidden flow nothing is spoken, and open is open', { skip }, async (t) => {
  net?.rules()
  const tried = { observed: 'open', layers: [{ layer: 'tcp', result: 'pass' }] }
  const seen = await see({ port: PORTS.mute, speaks: 'socks', expect: 'deny' })
  t.match(seen, { v4: tried, v6: tried })
  t.same(seen.v4.layers.length, 1)
})

t.test('a hole that only some connections find is one', { skip }, async (t) => {
  const first = 'numgen inc mod 3 0 reject with'
  const refusals = [
    `tcp dport ${PORTS.echo} tcp flags syn / syn,ack ${first} tcp reset`,
    `udp dport ${PORTS.standIn} ${first} icmpx admin-prohibited`,
  ]
  for (const flow of [
    { port: PORTS.echo },
    { protocol: 'udp', port: PORTS.standIn, speaks: 'edt' },
  ] as const)
    for (const family of FAMILIES) {
      net?.rules(...refusals)
      const probes = [between(family, { ...flow, expect: 'deny' })]
      const seen = await net?.observe({ probes, timeoutMilliseconds: 1000, witness: true })
      t.match(seen, [{ observation: { observed: 'open' } }], `${flow.port} over ${family}`)
    }
})

t.test('what is open and silent, or somebody else, is a wrong service', { skip }, async (t) => {
  net?.rules()
  const tls = { serverName: 'proxy', ca: join(certs, 'gateway/ca.crt') }
  const [mute, muteTls, web, webTls] = await Promise.all([
    see({ port: PORTS.mute, speaks: 'socks' }),
    see({ port: PORTS.mute, speaks: 'socks', tls }),
    see({ port: PORTS.web, speaks: 'socks' }),
    see({ port: PORTS.web, speaks: 'socks', tls }),
  ])
  const wrong = (note: RegExp) => ({ observed: 'wrong-service', note })
  const both = (note: RegExp) => ({ v4: wrong(note), v6: wrong(note) })
  t.match(mute, both(/^open, but says nothing$/))
  t.same(mute.v4.ports.length, 3, 'a lost packet is no silence: it is asked three times')
  t.match(muteTls, both(/^open, but says nothing to TLS$/))
  t.match(web, both(/^answers "HTTP\/1\.1 400 Bad Request"$/))
  t.match(webTls, both(/^no TLS there, it answers "HTTP\/1\.1 400 Bad Request"$/))
})

t.test(
  'thirty probes at once take less than twice the timeout, whatever they meet',
  { skip },
  async (t) => {
    net?.rules(`tcp dport ${PORTS.echo} drop`, 'udp dport 53 drop')
    const tls = { serverName: 'proxy', ca: join(certs, 'gateway/ca.crt') }
    const kinds: readonly (ProbeParts & { readonly port: number })[] = [
      { port: PORTS.echo, speaks: 'echo' },
      { port: PORTS.mute, speaks: 'socks', tls },
      { port: PORTS.dns, protocol: 'udp', speaks: 'dns' },
      { port: PORTS.proxy, speaks: 'socks', tls },
      { port: PORTS.shut },
    ]
    const probes = FAMILIES.flatMap((family) =>
      kinds.flatMap((kind) => [1, 2, 3].map(() => between(family, kind))),
    )
    t.same(probes.length, 30)
    const timeoutMilliseconds = 4000
    const seen = (await net?.observe({ probes, timeoutMilliseconds, witness: true })) ?? []
    const slowest = Math.max(...seen.map(({ milliseconds }) => milliseconds))
    t.ok(slowest < 2 * timeoutMilliseconds, `${slowest}`)
    const words = new Set(seen.map(({ observation }) => observation.observed))
    t.same([...words].toSorted(), ['closed', 'filtered', 'unknown', 'wrong-service'])
  },
)

t.test('tcpdump ends with whoever started it, and be it killed', { skip }, async (t) => {
  const agent = net?.agent()
  await agent?.ready
  const before = net?.captures() ?? 0
  t.ok(before >= 2, 'one of this agent, and one of the other')
  agent?.kill()
  t.same(
    await until(
      () => net?.captures(),
      (now) => now === before - 1,
    ),
    before - 1,
  )
})
