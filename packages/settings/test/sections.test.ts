import t from 'tap'
import type { Settings } from '../src/schema.ts'
import { changed, type ExampleSection, sections, smallest } from './examples.ts'
import { fileWith, problemsOf, settingsOf } from './reading.ts'

t.test('each section alone is a whole file', async (t) => {
  for (const section of sections) {
    const settings = settingsOf(t, smallest[section])
    t.strictSame(Object.keys(settings).sort(), [section, 'network', 'zones'].sort(), section)
  }
})

t.test('all sections in one file are one too', async (t) => {
  const settings = settingsOf(t, Object.values(smallest).join(''))
  t.strictSame(Object.keys(settings).sort(), [...sections, 'network', 'zones'].sort())
})

t.test('each key of a smallest example is needed', async (t) => {
  const needed: Record<ExampleSection, string[]> = {
    gateway: [
      'listen',
      'tls',
      'tls.certificate',
      'tls.key',
      'identity',
      'identity.certificate',
      'identity.key',
      'identity.ca',
      'nextHops',
      'stas',
    ],
    proxy: ['listen', 'identity', 'grants.keys', 'stas'],
    storefront: ['listen', 'identity', 'tokenDigest', 'serviceKey', 'stas'],
    sta: ['authorityId', 'identity', 'serviceKey'],
    vda: ['apps'],
    workspace: ['gateway'],
  }
  for (const [section, paths] of Object.entries(needed) as [ExampleSection, string[]][]) {
    for (const path of paths) {
      const problems = problemsOf(t, changed(section, { [path]: undefined }))
      t.match(problems.join('\n'), ` ${section}.${path}: `, `${section} without ${path}`)
    }
  }
})

t.test('what is left out takes a safe default', async (t) => {
  const { gateway, proxy, storefront, sta, vda } = settingsOf(t, Object.values(smallest).join(''))
  t.match(gateway, {
    redeemAt: 'gateway',
    tls: { clientCertificates: 'off' },
    nextHops: [{ kind: 'doublehop', secure: 'on', ahead: 2 }],
    storefronts: [],
    proxyProtocolFrom: [],
    limits: {
      tlsHandshake: 10_000,
      firstFlight: 10_000,
      firstFlightBytes: 4096,
      earlyData: 65_536,
      dial: 5000,
      staRequest: 5000,
      launch: 30_000,
      sessions: 10_000,
    },
    drainTimeout: 300_000,
    log: { level: 'info' },
  })
  t.equal(gateway?.limits.idle, undefined, 'no session ends for being silent')
  t.match(proxy, {
    secure: 'on',
    authorization: 'grant',
    users: [],
    grants: { lifetime: 10_000, store: 'memory' },
    destinations: { networks: [], ports: [] },
    allowLoopback: false,
    allowLinkLocal: false,
    allowMulticast: false,
    allowUnspecified: false,
    allowTranslated: false,
    limits: {
      tlsHandshake: 10_000,
      hopIdle: 60_000,
      greeting: 10_000,
      earlyData: 65_536,
      staRequest: 5000,
      dial: 5000,
      launch: 30_000,
      sessions: 10_000,
    },
  })
  t.match(storefront, { ticketVersion: 40, apps: [] })
  t.match(sta, {
    ticketLifetime: 90_000,
    refreshableLifetime: 600_000,
    maxTickets: 100_000,
    store: 'memory',
  })
  t.match(vda, { limits: { greeting: 30_000, sessions: 10_000 } })
})

t.test('nobody may connect, issue or redeem who is not listed', async (t) => {
  const { sta } = settingsOf(t, changed('sta', { issuers: undefined, redeemers: undefined }))
  t.strictSame(sta?.issuers, { names: [], networks: [] })
  t.strictSame(sta?.redeemers, { names: [], networks: [] })
  t.strictSame(settingsOf(t, changed('proxy', { allow: undefined })).proxy?.allow, {
    names: [],
    networks: [],
  })
})

t.test('relative paths start beside the file, absolute ones stay', async (t) => {
  const text = changed('gateway', {
    'identity.ca': '/etc/ssl/ca.crt',
    'log.file': '../gateway.log',
  })
  const folder = fileWith(t, text).replace(/\/doublehop\.yaml$/, '')
  const { gateway } = settingsOf(t, text)
  t.equal(gateway?.tls.certificate, `${folder}/public.crt`)
  t.equal(gateway?.identity.ca, '/etc/ssl/ca.crt')
  t.equal(gateway?.log.file, `${folder.replace(/\/[^/]*$/, '')}/gateway.log`)
})

type Change = Readonly<Record<string, unknown>>
const hop = (more: Change) => [{ name: 'one', address: '10.2.0.5:1080', ...more }]
const login = { username: 'u', password: 'env:HOP_PASSWORD' }

const impossible: [ExampleSection, Change, string][] = [
  [
    'gateway',
    { 'tls.clientCertificates': 'required' },
    'gateway.tls.clientCa: expected a path: clientCertificates is required',
  ],
  [
    'gateway',
    { 'tls.clientCertificates': 'optional' },
    'gateway.tls.clientCa: expected a path: clientCertificates is optional',
  ],
  [
    'gateway',
    { redeemAt: 'proxy', nextHops: hop({ kind: 'socks5' }) },
    'gateway.nextHops[0].kind: redeemAt: proxy needs a doublehop proxy',
  ],
  ['gateway', { nextHops: [...hop({}), ...hop({})] }, 'gateway.nextHops[1].name: one stands twice'],
  [
    'gateway',
    { nextHops: hop({ credentials: login }) },
    'gateway.nextHops[0].credentials: a doublehop proxy knows its gateways by certificate',
  ],
  ['gateway', { nextHops: [] }, 'gateway.nextHops: expected 1 or more entries'],
  [
    'gateway',
    { nextHops: hop({ address: '10.2.0.5:0' }) },
    'gateway.nextHops[0].address: port 0 cannot be dialled',
  ],
  ['gateway', { nextHops: hop({ ahead: 65 }) }, 'gateway.nextHops[0].ahead: expected 64 or less'],
  [
    'gateway',
    { nextHops: hop({ serverName: '' }) },
    'gateway.nextHops[0].serverName: expected 1 or more characters',
  ],
  [
    'gateway',
    { nextHops: hop({ kind: 'socks5', credentials: { ...login, username: 'ü'.repeat(128) } }) },
    'gateway.nextHops[0].credentials.username: expected 1 to 255 bytes',
  ],
  ['gateway', { stas: [{ urls: [] }] }, 'gateway.stas[0].urls: expected 1 or more entries'],
  [
    'gateway',
    {
      stas: [
        { id: 'STA1', urls: ['https://a:1'] },
        { id: 'STA1', urls: ['https://b:1'] },
      ],
    },
    'gateway.stas[1].id: STA1 stands at 0 already',
  ],
  [
    'gateway',
    { stas: [{ id: 'XTA1', urls: ['https://a:1'] }] },
    'gateway.stas[0].id: expected STA and 1 to 13 letters or digits',
  ],
  [
    'gateway',
    { stas: [{ urls: ['ftp://a:1'] }] },
    'gateway.stas[0].urls[0]: expected https://address:port or http://address:port',
  ],
  [
    'gateway',
    { stas: [{ urls: ['https://user:hunter2@a:1'] }] },
    'gateway.stas[0].urls[0]: a user or password does not belong in the url of an STA',
  ],
  ['gateway', { admin: '10.1.0.5:9000' }, 'gateway.admin: expected a loopback address'],
  [
    'gateway',
    { zone: 'dmz3' },
    'gateway.zone: expected internet or lan or dmz1 or dmz2 or internal or management',
  ],
  ['proxy', { secure: 'off' }, 'proxy.allow.names: without TLS nobody shows a certificate'],
  [
    'proxy',
    { stas: undefined },
    'proxy.stas: authorization: grant needs the STAs that tickets come from',
  ],
  [
    'proxy',
    { grants: undefined },
    'proxy.grants.keys: authorization: grant needs a key to mint grants with',
  ],
  [
    'proxy',
    { 'grants.keys': ['env:A', 'env:B', 'env:C'] },
    'proxy.grants.keys: expected 2 or less entries',
  ],
  ['proxy', { users: [login] }, 'proxy.users: users are for authorization: allowlist'],
  [
    'proxy',
    { authorization: 'allowlist' },
    'proxy.destinations: authorization: allowlist needs networks and ports',
  ],
  [
    'proxy',
    { authorization: 'allowlist', 'destinations.networks': ['10.3.0.0/16'] },
    'proxy.destinations: authorization: allowlist needs networks and ports',
  ],
  [
    'proxy',
    { authorization: 'allowlist', 'destinations.ports': [2598] },
    'proxy.destinations: authorization: allowlist needs networks and ports',
  ],
  ['proxy', { 'destinations.ports': [0] }, 'proxy.destinations.ports[0]: expected 1 or more'],
  [
    'proxy',
    { 'destinations.ports': [65_536] },
    'proxy.destinations.ports[0]: expected 65535 or less',
  ],
  [
    'storefront',
    { ticketVersion: 42 },
    'storefront.ticketVersion: a ticket of version 42 is issued at two STAs',
  ],
  [
    'storefront',
    { ticketVersion: 41 },
    'storefront.ticketVersion: expected 10 or 20 or 22 or 40 or 42',
  ],
  [
    'storefront',
    { apps: [{ name: 'Echo' }] },
    'storefront.apps[0].cgpAddress: expected cgpAddress or icaAddress',
  ],
  ['sta', { listen: undefined }, 'sta.listen: expected listen or listenHttp'],
  [
    'sta',
    { listen: undefined, listenHttp: '10.3.0.5:8080' },
    'sta.issuers.names: without listen nobody shows a certificate',
  ],
  [
    'sta',
    { listen: undefined, listenHttp: '10.3.0.5:8080' },
    'sta.redeemers.names: without listen nobody shows a certificate',
  ],
  [
    'sta',
    { 'redeemers.names': ['proxy.example', 'storefront.example'] },
    'sta.redeemers.names[1]: storefront.example is an issuer too',
  ],
  [
    'sta',
    { 'redeemers.names': ['Storefront.EXAMPLE'] },
    'sta.redeemers.names[0]: Storefront.EXAMPLE is an issuer too',
  ],
  [
    'sta',
    { 'issuers.networks': ['10.2.0.0/16'], 'redeemers.networks': ['10.9.0.1', '10.2.0.5'] },
    'sta.redeemers.networks[1]: it overlaps with a network of issuers',
  ],
  [
    'sta',
    { 'issuers.networks': ['fd00::/16'], 'redeemers.networks': ['fd00::/8'] },
    'sta.redeemers.networks[0]: it overlaps with a network of issuers',
  ],
  ['sta', { store: 'sqlite' }, 'sta.store: expected memory, redis://… or rediss://…'],
  [
    'sta',
    { store: 'redis://sta:password@10.3.0.9:6379' },
    'sta.store: expected memory, redis://… or rediss://… without a password',
  ],
  ['sta', { ticketLifetime: '0 s' }, 'sta.ticketLifetime: expected 1 ms to 24 d'],
  ['vda', { apps: [] }, 'vda.apps: expected 1 or more entries'],
  [
    'vda',
    { apps: [{ name: 'A', kind: 'echo' }] },
    'vda.apps[0].listenCgp: expected listenCgp or listenIca',
  ],
  [
    'vda',
    { apps: [{ name: 'A', kind: 'tcp', listenCgp: '10.3.0.7:2598' }] },
    'vda.apps[0].target: expected for kind tcp, and for no other',
  ],
  [
    'vda',
    { apps: [{ name: 'A', kind: 'echo', listenCgp: '10.3.0.7:2598', target: 'a:1' }] },
    'vda.apps[0].target: expected for kind tcp, and for no other',
  ],
  ['workspace', { gateway: 'gateway.example:0' }, 'workspace.gateway: port 0 cannot be dialled'],
]

t.test('what cannot work is refused', async (t) => {
  for (const [section, change, problem] of impossible) {
    t.match(
      problemsOf(t, changed(section, change)).join('\n'),
      problem,
      `${section} with ${JSON.stringify(change)}`,
    )
  }
})

const possible: [ExampleSection, Change][] = [
  ['gateway', { 'tls.clientCertificates': 'required', 'tls.clientCa': 'clients.crt' }],
  ['gateway', { redeemAt: 'proxy' }],
  ['gateway', { nextHops: hop({ kind: 'socks5', secure: 'off', credentials: login }) }],
  [
    'gateway',
    {
      stas: [
        { id: 'STA1', urls: ['https://a:1', 'http://b:1'] },
        { urls: ['https://[fd00::1]:8080'] },
      ],
    },
  ],
  [
    'gateway',
    {
      admin: '[::1]:0',
      zone: 'dmz1',
      'addresses.v4': '10.1.0.5',
      'addresses.v6': 'fd00::5',
    },
  ],
  ['gateway', { drainTimeout: '0 s', 'limits.idle': '1 h' }],
  ['proxy', { secure: 'off', allow: { networks: ['10.1.0.0/16'] } }],
  [
    'proxy',
    {
      authorization: 'allowlist',
      destinations: { networks: ['10.3.0.0/16'], ports: [2598] },
      users: [login],
      stas: undefined,
      grants: undefined,
    },
  ],
  [
    'proxy',
    { 'grants.keys': ['file:new.key', 'file:old.key'], 'grants.store': 'rediss://10.2.0.9:6379' },
  ],
  [
    'storefront',
    { ticketVersion: 42, stas: [{ urls: ['https://a:1'] }, { urls: ['https://b:1'] }] },
  ],
  [
    'storefront',
    { apps: [{ name: 'Echo', cgpAddress: '[fd00::7]:2598', icaAddress: 'vda.example:1494' }] },
  ],
  [
    'sta',
    {
      listen: undefined,
      listenHttp: '[::]:8080',
      issuers: { networks: ['10.2.0.6'] },
      redeemers: { networks: ['10.2.0.5', 'fd00::5'] },
    },
  ],
  [
    'vda',
    { apps: [{ name: 'A', kind: 'tcp', listenIca: '10.3.0.7:1494', target: 'server.example:22' }] },
  ],
  ['workspace', { serverName: 'gateway.example', ca: 'ca.crt', token: 'file:token' }],
]

t.test('what can work is taken', async (t) => {
  for (const [section, change] of possible) {
    t.strictSame(
      problemsOf(t, changed(section, change)),
      [],
      `${section} with ${JSON.stringify(change)}`,
    )
  }
})

t.test('metrics for a scraper want somebody who may scrape', async (t) => {
  const scraped = changed('vda', { 'metrics.listen': '10.9.0.5:9100' })
  t.match(problemsOf(t, scraped).join('\n'), /vda\.metrics\.listen: .*zones\.management/)
  t.strictSame(problemsOf(t, `${scraped}\nzones: { management: [10.9.0.0/24] }\n`), [])
})

t.test('the networks of the zones are read', async (t) => {
  const { zones }: Settings = settingsOf(
    t,
    'zones: { dmz1: [10.1.0.0/16, "fd00:1::/32"], lan: [] }',
  )
  t.strictSame(
    zones.dmz1?.map(({ bits }) => bits),
    [16, 32],
  )
  t.strictSame(zones.lan, [])
  t.equal(zones.internet, undefined)
})
