import assert from 'node:assert/strict'
import { contains, parseIp, parseNetwork } from '@doublehop/wire/ip'
import t from 'tap'
import type { Flow } from '../src/flows/flow.ts'
import { at, flowsIn, host, line, plain, rich } from './rules/topology.ts'

const allowed = (flows: readonly Flow[]) => flows.filter(({ expect }) => expect === 'allow')
const denied = (flows: readonly Flow[]) => flows.filter(({ expect }) => expect === 'deny')

for (const family of [4, 6] as const) {
  t.test(`a plain double hop needs these flows and no others, over IPv${family}`, async (t) => {
    const [h, people] = [(zone: number, n: number) => host(family, zone, n), family === 4]
    t.same(allowed(flowsIn(plain(family))).map(line), [
      `gateway-proxy-1080: ${h(2, 2)} → ${h(3, 2)} 1080/tcp by 2`,
      `gateway-storefront-8444: ${h(2, 2)} → ${h(3, 3)} 8444/tcp by 2`,
      `proxy-sta-8080: ${h(3, 2)} → ${h(4, 2)} 8080/tcp by 3`,
      `storefront-sta-8080: ${h(3, 3)} → ${h(4, 2)} 8080/tcp by 3`,
      `proxy-vda-2598: ${h(3, 2)} → ${h(4, 3)} 2598/tcp by 3`,
      `proxy-vda-1494: ${h(3, 2)} → ${h(4, 3)} 1494/tcp by 3`,
      `internet-gateway-443: ${people ? '198.51.100.0/24' : '2001:db8:1::/64'} → ${h(2, 2)} 443/tcp by 1`,
      `lan-gateway-443: ${people ? '10.5.0.0/24' : '2001:db8:5::/64'} → ${h(2, 2)} 443/tcp by 1`,
    ])
  })
}

t.test('steps are told with the flows that launches need', async (t) => {
  const steps = Object.fromEntries(allowed(flowsIn(plain(4))).map(({ id, steps }) => [id, steps]))
  t.same(steps, {
    'gateway-proxy-1080': [2, 5],
    'gateway-storefront-8444': [],
    'proxy-sta-8080': [3, 4],
    'storefront-sta-8080': [],
    'proxy-vda-2598': [6, 7, 9],
    'proxy-vda-1494': [6, 7, 9],
    'internet-gateway-443': [1, 8, 9],
    'lan-gateway-443': [1, 8, 9],
  })
})

t.test('nobody asks in plain text where TLS is spoken', async (t) => {
  const { proxy, ...basis } = plain(4)
  const danted = { kind: 'socks5', name: 'danted', address: at(4, 3, 9, 1080) } as const
  const how = (configuration: Parameters<typeof flowsIn>[0], id: string) => {
    const { speaks, tls } = flowsIn(configuration).find((flow) => flow.id === id) ?? {}
    return [speaks, tls !== undefined]
  }
  const foreign = { ...basis, gateway: { ...basis.gateway, nextHops: [danted] } }
  t.same(how(foreign, 'danted-sta-8080'), ['tcp', false], 'TLS passes through it')
  const nextHops = [danted, ...basis.gateway.nextHops]
  const mixed = { ...basis, proxy, gateway: { ...basis.gateway, nextHops } }
  t.same(how(mixed, 'proxy-sta-8080'), ['sta', true], 'one that asks for itself beside it')
})

for (const [name, flows] of [
  ['plain', flowsIn(plain(4))],
  ['rich', flowsIn(rich(4))],
  ['rich over IPv6', flowsIn(rich(6))],
  ['both families', flowsIn(dual())],
] as const) {
  t.test(`${name}: no flow is both needed and forbidden, and ids are unique`, async (t) => {
    for (const flow of denied(flows))
      t.notOk(
        allowed(flows).some((one) => covers(one, flow)),
        line(flow),
      )
    t.equal(new Set(flows.map(({ id }) => id)).size, flows.length)
    t.ok(flows.every(({ firewalls }) => firewalls.length > 0))
    t.ok(flows.every(({ from, to }) => from.zone !== to.zone))
  })
}

for (const family of [4, 6] as const) {
  t.test(
    `over IPv${family} every listener is forbidden to every host of another zone, unless it is needed`,
    async (t) => {
      const flows = flowsIn(rich(family))
      const h = (zone: number, n: number) => host(family, zone, n)
      const hosts = { 2: [h(2, 2)], 3: [h(3, 2), h(3, 3)], 4: [h(4, 2), h(4, 3)] }
      const people = [family === 4 ? '198.51.100.10' : '2001:db8:1::a', h(5, 10), h(9, 10)].map(
        plainAddress,
      )
      const listeners: Record<number, readonly string[]> = {
        2: ['443/tcp', '443/udp', '9101/tcp'].map((port) => `${h(2, 2)} ${port}`),
        3: [
          ...['1080/tcp', '9102/tcp', '9202/tcp'].map((port) => `${h(3, 2)} ${port}`),
          ...['8444/tcp', '9103/tcp'].map((port) => `${h(3, 3)} ${port}`),
        ],
        4: [
          ...['8080/tcp', '9104/tcp'].map((port) => `${h(4, 2)} ${port}`),
          ...['2598/tcp', '2598/udp', '1494/tcp', '1494/udp', '9105/tcp'].map(
            (port) => `${h(4, 3)} ${port}`,
          ),
        ],
      }
      const wanted = [2, 3, 4].flatMap((zone) => {
        const elsewhere = Object.entries(hosts).flatMap(([other, all]) =>
          Number(other) === zone ? [] : all,
        )
        return [...elsewhere, ...people].flatMap((source) =>
          (listeners[zone] ?? []).map((listener) => ({ source, listener })),
        )
      })
      t.equal(wanted.length, (3 + 4) * 3 + (3 + 3) * 5 + (3 + 3) * 7)
      for (const { source, listener } of wanted) {
        const found = flows.filter(
          ({ from, to, port, protocol }) =>
            `${to.address} ${port}/${protocol}` === listener && holdsAddress(from.network, source),
        )
        t.equal(found.length, 1, `${source} → ${listener}`)
      }
    },
  )
}

t.test(
  'a zone of people without a daemon is tried at one port, from everywhere else',
  async (t) => {
    const flows = denied(flowsIn(plain(4)))
    for (const zone of ['internet', 'lan', 'management']) {
      const into = flows.filter(({ to }) => to.name === zone)
      t.same([...new Set(into.map(({ port }) => port))], [4840])
      t.same(
        into.map(({ from }) => from.name).toSorted(),
        ['gateway', 'internet', 'lan', 'management', 'proxy', 'sta', 'storefront', 'vda'].filter(
          (name) => name !== zone,
        ),
      )
    }
  },
)

t.test('UDP is there with edt: true, and only then', async (t) => {
  t.notOk(flowsIn(plain(4)).some(({ protocol }) => protocol === 'udp'))
  const udp = allowed(flowsIn({ ...plain(4), network: { edt: true } })).filter(
    ({ protocol }) => protocol === 'udp',
  )
  t.same(udp.map(line), [
    'proxy-vda-2598-udp: 10.3.0.2 → 10.4.0.3 2598/udp by 3',
    'proxy-vda-1494-udp: 10.3.0.2 → 10.4.0.3 1494/udp by 3',
    'internet-gateway-443-udp: 198.51.100.0/24 → 10.2.0.2 443/udp by 1',
    'lan-gateway-443-udp: 10.5.0.0/24 → 10.2.0.2 443/udp by 1',
  ])
})

t.test('a second proxy that only the gateway knows is a host of its own', async (t) => {
  const basis = plain(4)
  const second = { name: 'proxy-b', address: at(4, 3, 12, 1080), serverName: 'proxy-b' }
  const flows = flowsIn({
    ...basis,
    gateway: { ...basis.gateway, nextHops: [...basis.gateway.nextHops, second] },
  })
  const ofIt = (one: Flow) => one.from.name === 'proxy-b' || one.to.name === 'proxy-b'
  t.same(allowed(flows).filter(ofIt).map(line), [
    'gateway-proxy-b-1080: 10.2.0.2 → 10.3.0.12 1080/tcp by 2',
    'proxy-b-vda-2598: 10.3.0.12 → 10.4.0.3 2598/tcp by 3',
    'proxy-b-vda-1494: 10.3.0.12 → 10.4.0.3 1494/tcp by 3',
    'proxy-b-sta-8080: 10.3.0.12 → 10.4.0.2 8080/tcp by 3',
  ])
  t.ok(denied(flows).some(({ id }) => id === 'internet-proxy-b-1080'))
})

t.test(
  'name servers, clocks and collectors of logs are reached from the host that uses them',
  async (t) => {
    const basis = plain(4)
    const services = {
      dns: [at(4, 9, 53, 53)],
      ntp: [at(4, 9, 123, 123)],
      logs: [
        { address: at(4, 9, 14, 6514) },
        { address: at(4, 4, 14, 514), protocol: 'udp' as const },
      ],
    }
    const flows = flowsIn({ ...basis, proxy: { ...basis.proxy, services } })
    const known = new Set(flowsIn(basis).map(({ id }) => id))
    t.same(
      allowed(flows)
        .filter(({ id }) => !known.has(id))
        .map(line),
      [
        'proxy-dns-53-udp: 10.3.0.2 → 10.9.0.53 53/udp by 2',
        'proxy-dns-53: 10.3.0.2 → 10.9.0.53 53/tcp by 2',
        'proxy-ntp-123-udp: 10.3.0.2 → 10.9.0.123 123/udp by 2',
        'proxy-logs-6514: 10.3.0.2 → 10.9.0.14 6514/tcp by 2',
        'proxy-logs-514-udp: 10.3.0.2 → 10.4.0.14 514/udp by 3',
      ],
    )
  },
)

t.test(
  'a flow through two firewalls names both, in the order in which it meets them',
  async (t) => {
    const dns = flowsIn(rich(4)).filter(({ to }) => to.name === 'dns')
    t.same(dns.map(line), [
      'gateway-dns-53-udp: 10.2.0.2 → 10.4.0.53 53/udp by 2, 3',
      'gateway-dns-53: 10.2.0.2 → 10.4.0.53 53/tcp by 2, 3',
    ])
    const back = flowsIn(plain(4)).find(({ id }) => id === 'sta-internet-4840')
    t.same(back?.firewalls, [3, 2, 1])
  },
)

t.test('stores in Redis are reached by who uses them, on their usual port', async (t) => {
  const basis = plain(4)
  const flows = flowsIn({
    ...basis,
    proxy: {
      ...basis.proxy,
      grants: { ...basis.proxy.grants, store: 'redis://10.4.0.20' },
    },
    sta: { ...basis.sta, store: 'rediss://10.4.0.21:6380' },
  })
  t.same(
    allowed(flows)
      .filter(({ speaks }) => speaks === 'redis')
      .map(line),
    ['proxy-redis-6379: 10.3.0.2 → 10.4.0.20 6379/tcp by 3'],
  )
  t.notOk(
    flows.some(({ to }) => to.address === '10.4.0.21'),
    'the STA’s own stands in its zone',
  )
})

t.test('metrics are read from management alone', async (t) => {
  const basis = plain(4)
  const flows = flowsIn({
    ...basis,
    proxy: { ...basis.proxy, metrics: { listen: at(4, 3, 2, 9202) } },
  })
  const metrics = flows.filter(({ port }) => port === 9202)
  t.same(allowed(metrics).map(line), [
    'management-proxy-9202: 10.9.0.0/24 → 10.3.0.2 9202/tcp by 2',
  ])
  t.same(
    denied(metrics).map(({ from }) => from.name),
    ['gateway', 'sta', 'vda', 'internet', 'lan'],
  )
})

t.test('a host that is dialled by name is found among network.hosts', async (t) => {
  const basis = plain(4)
  const flows = flowsIn({
    ...basis,
    network: { hosts: [{ name: 'proxy.example', addresses: { v4: '10.3.0.2' } }] },
    gateway: {
      ...basis.gateway,
      nextHops: [{ name: 'proxy', address: 'proxy.example:1080' }],
    },
  })
  const [flow, ...more] = allowed(flows).filter(({ port }) => port === 1080)
  t.same(more, [])
  t.match(flow, {
    id: 'gateway-proxy-1080',
    to: { address: '10.3.0.2', host: 'proxy.example' },
    tls: { serverName: 'proxy.example' },
  })
})

t.test('what the configuration leaves open is told by its code', async (t) => {
  const basis = plain(4)
  const everywhere = {
    ...basis,
    gateway: { ...basis.gateway, zone: 'dmz1' as const, listen: '0.0.0.0:443' },
  }
  t.throws(() => flowsIn(everywhere), { code: 'DH_FW_ADDRESS', message: /gateway/ })
  const told = { ...everywhere, gateway: { ...everywhere.gateway, addresses: { v4: '10.2.0.2' } } }
  t.same(allowed(flowsIn(told)).map(line), allowed(flowsIn(basis)).map(line))

  const strangeHop = { name: 'proxy', address: '192.0.2.7:1080' }
  const nowhere = { ...basis, gateway: { ...basis.gateway, nextHops: [strangeHop] } }
  t.throws(() => flowsIn(nowhere), { code: 'DH_FW_ZONE', message: /192\.0\.2\.7/ })

  const named = { ...strangeHop, address: 'proxy.example:1080' }
  const unknown = { ...basis, gateway: { ...basis.gateway, nextHops: [named] } }
  t.throws(() => flowsIn(unknown), { code: 'DH_FW_NAME', message: /proxy\.example/ })
})

t.test(
  'an internet without a list of networks is everybody, and what lies in no zone is in it',
  async (t) => {
    const { internet: _, ...zones } = plain(4).zones
    const flows = flowsIn({ ...plain(4), zones })
    const toGateway = allowed(flows).filter(({ to }) => to.name === 'gateway')
    t.same(toGateway.map(line), ['internet-gateway-443: any → 10.2.0.2 443/tcp by 1'])
    t.ok(
      denied(flows).some(({ id }) => id === 'proxy-gateway-443'),
      'which is no leave for those behind firewall 2',
    )
  },
)

t.test('a network is written with its first address, whichever was meant', async (t) => {
  const basis = plain(4)
  const flows = flowsIn({ ...basis, zones: { ...basis.zones, lan: ['10.5.0.77/24'] } })
  t.equal(flows.find(({ id }) => id === 'lan-gateway-443')?.from.network, '10.5.0.0/24')
  t.equal(flows.find(({ id }) => id === 'lan-sta-8080')?.from.address, '10.5.0.10')
})

t.test('with both families each flow stands twice, the IPv6 one so called', async (t) => {
  const flows = flowsIn(dual())
  t.same(
    allowed(flows)
      .filter(({ from }) => from.name === 'lan')
      .map(line),
    [
      'lan-gateway-443: 10.5.0.0/24 → 10.2.0.2 443/tcp by 1',
      'lan-gateway-443-v6: 2001:db8:5::/64 → 2001:db8:2::2 443/tcp by 1',
    ],
  )
  t.ok(flows.every(({ from, to }) => from.network.includes(':') === to.address.includes(':')))
})

/** A gateway with two addresses, which its people reach over either family. */
function dual() {
  const basis = plain(4)
  const both = (zone: 'internet' | 'lan' | 'dmz1') => [
    ...basis.zones[zone],
    ...plain(6).zones[zone],
  ]
  return {
    ...basis,
    zones: { ...basis.zones, internet: both('internet'), lan: both('lan'), dmz1: both('dmz1') },
    gateway: {
      ...basis.gateway,
      listen: '[::]:443',
      addresses: { v4: host(4, 2, 2), v6: host(6, 2, 2) },
    },
  }
}

/** Whether the rule for one flow lets the other through. */
function covers(wide: Flow, narrow: Flow): boolean {
  const address = narrow.from.address ?? narrow.from.network
  return (
    wide.to.address === narrow.to.address &&
    wide.port === narrow.port &&
    wide.protocol === narrow.protocol &&
    holdsAddress(wide.from.network, address) &&
    narrow.firewalls.every((one) => wide.firewalls.includes(one))
  )
}

function holdsAddress(network: string, address: string): boolean {
  if (network === 'any') return true
  const [parsed, ip] = [parseNetwork(network), parseIp(address)]
  assert(parsed !== undefined && ip !== undefined, `${network} and ${address} are addresses`)
  return contains(parsed, ip)
}

/** The tenth host of an IPv6 zone is ::a. */
function plainAddress(address: string): string {
  return address.replace(/::10$/, '::a')
}
