import t, { type Test } from 'tap'
import { gatewayTraffic } from '../src/gateway.ts'
import { proxyTraffic } from '../src/proxy.ts'
import type { Settings } from '../src/schema.ts'
import { staTraffic } from '../src/sta.ts'
import { storefrontTraffic } from '../src/storefront.ts'
import type { Dialling, Listening, Traffic } from '../src/traffic.ts'
import { vdaTraffic } from '../src/vda.ts'
import { changed, type ExampleSection } from './examples.ts'
import { problemsOf, settingsOf } from './reading.ts'

const MAKE: { readonly [S in TrafficSection]: (settings: Settings, edt: boolean) => Traffic } = {
  gateway: ({ gateway }, edt) => gatewayTraffic(said(gateway), edt),
  proxy: ({ proxy }) => proxyTraffic(said(proxy)),
  storefront: ({ storefront }, edt) => storefrontTraffic(said(storefront), edt),
  sta: ({ sta }) => staTraffic(said(sta)),
  vda: ({ vda }, edt) => vdaTraffic(said(vda), edt),
}
type TrafficSection = Exclude<ExampleSection, 'workspace'>
const daemons = Object.keys({
  gateway: 1,
  proxy: 1,
  storefront: 1,
  sta: 1,
  vda: 1,
} satisfies Record<TrafficSection, 1>) as TrafficSection[]

function said<T>(section: T | undefined): T {
  if (section === undefined) throw new Error('the example has no such section')
  return section
}

/** The traffic of the smallest section, changed at some paths. */
function traffic(
  t: Test,
  section: TrafficSection,
  changes: Readonly<Record<string, unknown>> = {},
  edt = false,
): Traffic {
  const file = `${changed(section, changes)}zones: { management: [10.9.0.0/24] }\n`
  return MAKE[section](settingsOf(t, file), edt)
}

/** `10.2.0.5:1080/tcp socks proxy [2,5] tls`: where it leads, what it speaks, how it is called, for which steps. */
function dial({ to, transport, speaks, called, steps, tls, by }: Dialling): string {
  const parts = [`${to.host}:${to.port}/${transport}`, speaks, called, `[${steps}]`]
  return [...parts, ...(tls ? ['tls'] : []), ...(by ? [`by ${by}`] : [])].join(' ')
}

/** `listen 0.0.0.0:443/tcp socks tls for internet, lan`. */
function listens({ listener, at, transport, speaks, certificate, audience }: Listening): string {
  const parts = [listener, `${at.host}:${at.port}/${transport}`, speaks]
  const whom = audience ? [`for ${audience.zones.join(', ')}`] : []
  return [...parts, ...(certificate ? ['tls'] : []), ...whom].join(' ')
}

function shown(traffic: Traffic) {
  return { listens: traffic.listens.map(listens), dials: traffic.dials.map(dial) }
}

t.test('the least of each daemon', async (t) => {
  t.strictSame(shown(traffic(t, 'gateway')), {
    listens: ['listen 0.0.0.0:443/tcp socks tls for internet, lan'],
    dials: ['10.2.0.5:1080/tcp socks proxy [2,5] tls'],
  })
  t.strictSame(shown(traffic(t, 'proxy')), {
    listens: ['listen 10.2.0.5:1080/tcp socks tls'],
    dials: ['10.3.0.5:8080/tcp sta sta [3,4] tls'],
  })
  t.strictSame(shown(traffic(t, 'storefront')), {
    listens: ['listen 10.2.0.6:8444/tcp storefront tls'],
    dials: ['10.3.0.5:8080/tcp sta-health sta [] tls'],
  })
  t.strictSame(shown(traffic(t, 'sta')), {
    listens: ['listen 10.3.0.5:8080/tcp sta-health tls'],
    dials: [],
  })
  t.strictSame(shown(traffic(t, 'vda')), {
    listens: ['Echo.cgp 10.3.0.7:2598/tcp echo'],
    dials: [],
  })
})

t.test('what every daemon may have beside its own', async (t) => {
  for (const section of daemons) {
    const before = shown(traffic(t, section))
    const { listens, dials } = shown(
      traffic(t, section, {
        admin: '127.0.0.1:9101',
        'metrics.listen': '10.2.0.9:9201',
        services: {
          dns: ['10.9.0.53:53', '[2001:db8::53]:53'],
          ntp: ['time.example:123'],
          logs: [{ address: '10.9.0.14:6514' }, { address: '10.9.0.15:514', protocol: 'udp' }],
        },
      }),
    )
    t.strictSame(
      listens.slice(before.listens.length),
      ['admin 127.0.0.1:9101/tcp tcp', 'metrics 10.2.0.9:9201/tcp metrics for management'],
      section,
    )
    t.strictSame(
      dials.slice(before.dials.length),
      [
        '10.9.0.53:53/udp dns dns []',
        '2001:db8::53:53/udp dns dns []',
        '10.9.0.53:53/tcp dns dns []',
        '2001:db8::53:53/tcp dns dns []',
        'time.example:123/udp ntp ntp []',
        '10.9.0.14:6514/tcp tcp logs []',
        '10.9.0.15:514/udp edt logs []',
      ],
      section,
    )
  }
})

t.test('UDP beside TCP, where EDT is let through', async (t) => {
  const both = {
    apps: [{ name: 'Echo', kind: 'echo', listenCgp: '10.3.0.7:2598', listenIca: '10.3.0.7:1494' }],
  }
  t.strictSame(shown(traffic(t, 'gateway', {}, true)).listens, [
    'listen 0.0.0.0:443/tcp socks tls for internet, lan',
    'listen 0.0.0.0:443/udp edt for internet, lan',
  ])
  t.strictSame(shown(traffic(t, 'vda', both, true)).listens, [
    'Echo.cgp 10.3.0.7:2598/tcp echo',
    'Echo.cgp 10.3.0.7:2598/udp edt',
    'Echo.ica 10.3.0.7:1494/tcp ica',
    'Echo.ica 10.3.0.7:1494/udp edt',
  ])
  const apps = [{ name: 'Echo', cgpAddress: '10.3.0.7:2598', icaAddress: '10.3.0.7:1494' }]
  t.strictSame(shown(traffic(t, 'storefront', { apps }, true)).dials.slice(1), [
    '10.3.0.7:2598/tcp tcp Echo [6,7,9] by proxy',
    '10.3.0.7:2598/udp edt Echo [6,7,9] by proxy',
    '10.3.0.7:1494/tcp ica Echo [6,7,9] by proxy',
    '10.3.0.7:1494/udp edt Echo [6,7,9] by proxy',
  ])
  for (const section of daemons)
    t.notMatch(JSON.stringify(traffic(t, section)), /"udp"/, `${section} without EDT`)
})

t.test('the gateway', async (t) => {
  t.test('redeemed at the proxy, it needs its next hop in step 5 alone', async (t) => {
    t.strictSame(shown(traffic(t, 'gateway', { redeemAt: 'proxy' })).dials, [
      '10.2.0.5:1080/tcp socks proxy [5] tls',
    ])
  })

  t.test('a next hop without TLS', async (t) => {
    const nextHops = [{ name: 'proxy', address: '10.2.0.5:1080', secure: 'off' }]
    t.strictSame(shown(traffic(t, 'gateway', { nextHops })).dials, [
      '10.2.0.5:1080/tcp socks proxy [2,5]',
    ])
  })

  t.test('each further proxy and storefront is a host like the one of the file', async (t) => {
    const { dials, twins } = traffic(t, 'gateway', {
      nextHops: [
        { name: 'proxy-1', address: '10.2.0.5:1080' },
        { name: 'proxy-2', address: 'proxy-2.example:1080', serverName: 'proxy.example' },
      ],
      storefronts: [{ address: '10.2.0.6:8444' }],
    })
    t.strictSame(dials.map(dial), [
      '10.2.0.5:1080/tcp socks proxy-1 [2,5] tls',
      'proxy-2.example:1080/tcp socks proxy-2 [2,5] tls',
      '10.2.0.6:8444/tcp storefront storefront [] tls',
    ])
    t.strictSame(
      dials.map(({ tls }) => tls?.serverName),
      ['10.2.0.5', 'proxy.example', '10.2.0.6'],
      'the name that each certificate must hold',
    )
    t.strictSame(
      twins?.map(({ of, called, at }) => `${called} ${at.host}:${at.port} is a ${of}`),
      [
        'proxy-1 10.2.0.5:1080 is a proxy',
        'proxy-2 proxy-2.example:1080 is a proxy',
        'storefront 10.2.0.6:8444 is a storefront',
      ],
    )
  })

  t.test('over a foreign next hop it is that one which reaches the STAs', async (t) => {
    const nextHops = [{ name: 'danted', address: '10.2.0.5:1080', kind: 'socks5', secure: 'off' }]
    const { dials, ways } = traffic(t, 'gateway', { nextHops })
    t.strictSame(dials.map(dial), [
      '10.2.0.5:1080/tcp socks danted [2,5]',
      '10.3.0.5:8080/tcp tcp sta [2,3] by proxy',
    ])
    t.strictSame(ways, [], 'and nothing can be asked through it')
  })

  t.test('it shows its identity, and its clients see another certificate', async (t) => {
    const { listens, dials } = traffic(t, 'gateway')
    t.match(listens[0]?.certificate, /\/public\.crt$/)
    t.match(dials[0]?.tls, {
      certificate: /\/gateway\.crt$/,
      key: /\/gateway\.key$/,
      ca: /\/ca\.crt$/,
    })
  })

  t.test('each STA is reached through each of our proxies', async (t) => {
    const { ways } = traffic(t, 'gateway', {
      stas: [{ id: 'STA01', urls: ['https://10.3.0.5:8080', 'https://10.3.0.6:8080'] }],
    })
    t.strictSame(
      ways?.map(({ through, sta }) => `${sta.called} ${sta.url} by ${through.host}`),
      ['STA01 https://10.3.0.5:8080 by 10.2.0.5', 'STA01 https://10.3.0.6:8080 by 10.2.0.5'],
    )
  })
})

t.test('STAs, wherever their urls lead', async (t) => {
  const rows: readonly [url: string, dial: string][] = [
    ['https://10.3.0.5', '10.3.0.5:443/tcp sta sta [3,4] tls'],
    ['http://10.3.0.5', '10.3.0.5:80/tcp sta sta [3,4]'],
    ['http://10.3.0.5:8080', '10.3.0.5:8080/tcp sta sta [3,4]'],
    ['https://[2001:DB8:0:0::5]:8080', '2001:db8::5:8080/tcp sta sta [3,4] tls'],
    ['https://STA.Example:8080', 'sta.example:8080/tcp sta sta [3,4] tls'],
  ]
  for (const [url, wanted] of rows)
    t.strictSame(shown(traffic(t, 'proxy', { stas: [{ urls: [url] }] })).dials, [wanted], url)
  const named = traffic(t, 'proxy', { stas: [{ id: 'STA01', urls: ['https://sta.example:8080'] }] })
  t.match(named.dials[0], { called: 'STA01', tls: { serverName: 'sta.example' } })
})

t.test('the proxy', async (t) => {
  t.test('without TLS nobody sees a certificate', async (t) => {
    const changes = { secure: 'off', allow: { networks: ['10.1.0.0/24'] } }
    t.strictSame(shown(traffic(t, 'proxy', changes)).listens, ['listen 10.2.0.5:1080/tcp socks'])
  })

  t.test('before foreign first hops it asks no STA', async (t) => {
    const { dials } = traffic(t, 'proxy', {
      authorization: 'allowlist',
      stas: undefined,
      destinations: { networks: ['10.3.0.0/24'], ports: [2598] },
    })
    t.strictSame(dials, [])
  })
})

t.test('a Redis, of grants or of tickets', async (t) => {
  const rows: readonly [url: string, where: string][] = [
    ['redis://10.3.0.9', '10.3.0.9:6379/tcp redis redis []'],
    ['redis://redis.example:7000/2', 'redis.example:7000/tcp redis redis []'],
    ['rediss://[2001:db8::9]:6380', '2001:db8::9:6380/tcp redis redis [] tls'],
  ]
  for (const [url, wanted] of rows) {
    const ofProxy = traffic(t, 'proxy', { 'grants.store': url })
    t.equal(ofProxy.dials.map(dial).at(-1), wanted, url)
    t.strictSame(shown(traffic(t, 'sta', { store: url })).dials, [wanted], url)
  }
  const hidden = { store: 'env:DOUBLEHOP_NO_SUCH_STORE' }
  t.throws(() => traffic(t, 'sta', hidden), { code: 'DH_CONFIG_SECRET' }, 'one that is not there')
})

t.test('the STA, over HTTPS and over HTTP', async (t) => {
  const changes = { listenHttp: '10.3.0.5:80', 'issuers.networks': ['10.2.0.6/32'] }
  t.strictSame(
    shown(traffic(t, 'sta', { ...changes, 'redeemers.networks': ['10.2.0.5/32'] })).listens,
    ['listen 10.3.0.5:8080/tcp sta-health tls', 'listenHttp 10.3.0.5:80/tcp sta-health'],
  )
})

t.test('the server: what each app answers, and what stands behind it', async (t) => {
  const app = (kind: string, more: object = {}) => ({
    ...{ name: kind, kind, listenCgp: '10.3.0.7:2598', listenIca: '10.3.0.7:1494' },
    ...more,
  })
  const apps = [app('echo'), app('clock'), app('tcp', { target: 'ssh.example:22' })]
  const { listens, dials } = shown(traffic(t, 'vda', { apps }))
  t.strictSame(listens, [
    'echo.cgp 10.3.0.7:2598/tcp echo',
    'echo.ica 10.3.0.7:1494/tcp ica',
    'clock.cgp 10.3.0.7:2598/tcp tcp',
    'clock.ica 10.3.0.7:1494/tcp ica',
    'tcp.cgp 10.3.0.7:2598/tcp tcp',
    'tcp.ica 10.3.0.7:1494/tcp ica',
  ])
  t.strictSame(dials, ['ssh.example:22/tcp tcp tcp []'])
})

t.test('every flow says why', async (t) => {
  const everything = { services: { dns: ['10.9.0.53:53'], ntp: ['10.9.0.12:123'] } }
  for (const section of daemons)
    for (const { why, to } of traffic(t, section, everything).dials)
      t.match(why, /^[a-z].*[a-z]$/i, `${section} ${to.host}`)
})

t.test('what firewalls need to know and no daemon', async (t) => {
  const network = (text: string) => settingsOf(t, `network: ${text}`).network
  t.strictSame(network('{}'), { edt: false, hosts: [], probes: { port: 4840 } })
  t.strictSame(
    network('{ hosts: [{ name: STA.Example, addresses: { v4: 10.3.0.5, v6: "2001:db8::5" } }] }')
      .hosts,
    [{ name: 'sta.example', addresses: { v4: '10.3.0.5', v6: '2001:db8::5' } }],
    'a name as daemons look it up',
  )
  t.strictSame(network('{ edt: true, probes: { port: 5000, lan: { v4: 10.5.0.20 } } }'), {
    edt: true,
    hosts: [],
    probes: { port: 5000, lan: { v4: '10.5.0.20' } },
  })
  for (const [text, where] of [
    ['{ probes: { port: 0 } }', 'network.probes.port'],
    ['{ probes: { dmz1: { v4: 10.2.0.1 } } }', 'network.probes.dmz1'],
    ['{ probes: { lan: { v4: lan.example } } }', 'network.probes.lan.v4'],
    [
      '{ hosts: [{ name: sta.example, addresses: { v6: 10.3.0.5 } }] }',
      'network.hosts[0].addresses.v6',
    ],
    ['{ hosts: [{ name: "", addresses: {} }] }', 'network.hosts[0].name'],
  ] as const)
    t.ok(
      problemsOf(t, `network: ${text}`).some((problem) => problem.includes(` ${where}: `)),
      `${text}: ${problemsOf(t, `network: ${text}`)}`,
    )
})

t.test('metrics that nobody could read are refused', async (t) => {
  for (const section of daemons) {
    const file = changed(section, { 'metrics.listen': '10.2.0.9:9201' })
    t.strictSame(
      problemsOf(t, file).map((one) => one.replace(/^[^ ]+ /, '')),
      [`${section}.metrics.listen: nobody could read it: expected networks in zones.management`],
    )
  }
})
