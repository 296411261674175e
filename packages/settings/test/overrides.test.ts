import { isFault } from '@doublehop/errors/fault'
import t from 'tap'
import { variableName } from '../src/environment.ts'
import { settableKeys } from '../src/keys.ts'
import { applyOverrides, parseOverride } from '../src/overrides.ts'
import { changed, smallest } from './examples.ts'
import { problemsOf, settingsOf } from './reading.ts'

t.test('an environment variable overrides the file', async (t) => {
  const env = {
    DOUBLEHOP_GATEWAY_LISTEN: '[::]:8443',
    DOUBLEHOP_GATEWAY_REDEEM_AT: 'proxy',
    DOUBLEHOP_GATEWAY_LIMITS_STA_REQUEST: '250 ms',
  }
  t.match(settingsOf(t, smallest.gateway, { env }).gateway, {
    listen: { host: '::', port: 8443 },
    redeemAt: 'proxy',
    limits: { staRequest: 250 },
  })
})

t.test('--set overrides the environment, and a later --set an earlier one', async (t) => {
  const env = {
    DOUBLEHOP_GATEWAY_LISTEN: '127.0.0.1:1',
    DOUBLEHOP_GATEWAY_NAME: 'from-environment',
  }
  const set = ['gateway.listen=127.0.0.1:2', 'gateway.listen=127.0.0.1:3']
  const { gateway } = settingsOf(t, changed('gateway', { name: 'from-file' }), { env, set })
  t.equal(gateway?.listen.port, 3)
  t.equal(gateway?.name, 'from-environment')
})

t.test('what is no text is written as JSON', async (t) => {
  const env = {
    DOUBLEHOP_PROXY_ALLOW_NAMES: '["one.example", "two.example"]',
    DOUBLEHOP_PROXY_ALLOW_LOOPBACK: 'true',
    DOUBLEHOP_PROXY_DESTINATIONS_PORTS: '[2598, 1494]',
    DOUBLEHOP_PROXY_LIMITS_SESSIONS: '5',
    DOUBLEHOP_PROXY_LIMITS_IDLE: '1 h',
    DOUBLEHOP_PROXY_STAS: '[{"id": "STA9", "urls": ["https://[fd00::9]:8080"]}]',
    DOUBLEHOP_ZONES_DMZ1: '["10.1.0.0/16"]',
    DOUBLEHOP_PROXY_NAME: '7',
  }
  const { proxy, zones } = settingsOf(t, smallest.proxy, { env })
  t.match(proxy, {
    allow: { names: ['one.example', 'two.example'] },
    allowLoopback: true,
    destinations: { ports: [2598, 1494] },
    limits: { sessions: 5, idle: 3_600_000 },
    stas: [{ id: 'STA9', urls: ['https://[fd00::9]:8080'] }],
    name: '7',
  })
  t.equal(zones.dmz1?.length, 1)
})

t.test('flags take JSON just so, whole groups included', async (t) => {
  const set = ['proxy.limits={"dial":"1 s"}', 'proxy.limits.sessions=9', 'proxy.name=true']
  const { proxy } = settingsOf(t, smallest.proxy, { set })
  t.match(proxy, { limits: { dial: 1000, sessions: 9, launch: 30_000 }, name: 'true' })
})

t.test('a section can come from the environment alone', async (t) => {
  t.match(settingsOf(t, '', { env: { DOUBLEHOP_WORKSPACE_GATEWAY: 'a:1' } }).workspace, {
    gateway: { host: 'a', port: 1 },
  })
})

t.test('a wrong value is told with who said it', async (t) => {
  const env = {
    DOUBLEHOP_PROXY_LISTEN: 'here',
    DOUBLEHOP_PROXY_ALLOW_NAMES: 'proxy.example',
    DOUBLEHOP_PROXY_SECURE: '',
  }
  const set = ['proxy.listne=1', 'proxy.limits.dial=10', 'proxy.stas.urls=x', 'proxy.users=["x"]']
  t.strictSame(problemsOf(t, smallest.proxy, { env, set }), [
    '--set: proxy.listne: no such key; did you mean listen?',
    'DOUBLEHOP_PROXY_LISTEN: proxy.listen: expected address:port, an IPv6 address in brackets',
    'DOUBLEHOP_PROXY_SECURE: proxy.secure: expected on or off',
    'DOUBLEHOP_PROXY_ALLOW_NAMES: proxy.allow.names: expected a list, not text; write it as JSON: ["…", "…"]',
    '--set: proxy.users[0]: expected a group of keys, not text',
    '--set: proxy.stas: expected a list, not a group of keys; write it as JSON: ["…", "…"]',
    '--set: proxy.limits.dial: expected a duration such as "10 s" (ms, s, min, h, d)',
  ])
})

t.test('of two wrong values the stronger one is told', async (t) => {
  const env = { DOUBLEHOP_PROXY_LISTEN: 'here' }
  t.strictSame(problemsOf(t, smallest.proxy, { env, set: ['proxy.listen=there'] }), [
    '--set: proxy.listen: expected address:port, an IPv6 address in brackets',
  ])
})

t.test('what an override leaves undone in the file stays the fault of the file', async (t) => {
  const problems = problemsOf(t, changed('gateway', { tls: undefined }), {
    env: { DOUBLEHOP_GATEWAY_NAME: 'one' },
  })
  t.strictSame(problems, ['doublehop.yaml:1: gateway.tls: missing: expected a group of keys'])
})

t.test('a section that only a stray variable begins is told with the variable', async (t) => {
  const [problem] = problemsOf(t, smallest.proxy, { env: { DOUBLEHOP_VDA_NAME: 'vda' } })
  t.equal(problem, 'DOUBLEHOP_VDA_NAME: vda.apps: missing: expected a list')
})

t.test('a variable that names no setting is a problem', async (t) => {
  const variables = {
    DOUBLEHOP_GATEWAY_LISTNE: 'no setting is called so; did you mean DOUBLEHOP_GATEWAY_LISTEN?',
    DOUBLEHOP_GATEWAY_REDEEMAT:
      'no setting is called so; did you mean DOUBLEHOP_GATEWAY_REDEEM_AT?',
    DOUBLEHOP_GATEWEY_LISTEN: 'no setting is called so; did you mean DOUBLEHOP_GATEWAY_LISTEN?',
    DOUBLEHOP_GATEWAY_COLOUR: 'no setting is called so',
    DOUBLEHOP_GATEWAY_LIMITS:
      'it names a group of keys: set each one, such as DOUBLEHOP_GATEWAY_LIMITS_HANDSHAKES',
    DOUBLEHOP_GATEWAY_NEXT_HOPS_0_NAME:
      'a list is set as a whole: DOUBLEHOP_GATEWAY_NEXT_HOPS, as JSON',
    DOUBLEHOP_ZONES_DMZ3: 'no setting is called so; did you mean DOUBLEHOP_ZONES_DMZ1?',
    DOUBLEHOP_STA___PROTO__: 'no setting is called so',
  }
  for (const [name, why] of Object.entries(variables)) {
    t.strictSame(problemsOf(t, smallest.gateway, { env: { [name]: '1' } }), [
      `the environment: ${name}: ${why}`,
    ])
  }
})

t.test('variables of others are left alone', async (t) => {
  const env = {
    DOUBLEHOP_TEST_OUTPUT: '/tmp',
    DOUBLEHOP_HOME: '/opt/doublehop',
    GATEWAY_LISTEN: 'x',
    doublehop_gateway_listen: 'x',
    // What Kubernetes sets for a service called doublehop-gateway.
    DOUBLEHOP_GATEWAY_SERVICE_HOST: '10.0.0.1',
    DOUBLEHOP_GATEWAY_SERVICE_PORT: '443',
    DOUBLEHOP_GATEWAY_SERVICE_PORT_HTTPS: '443',
    DOUBLEHOP_GATEWAY_PORT: 'tcp://10.0.0.1:443',
    DOUBLEHOP_GATEWAY_PORT_443_TCP: 'tcp://10.0.0.1:443',
    DOUBLEHOP_GATEWAY_PORT_443_TCP_ADDR: '10.0.0.1',
  }
  t.strictSame(problemsOf(t, smallest.gateway, { env }), [])
})

t.test('a variable that holds a secret overrides nothing, whatever it is called', async (t) => {
  const text = changed('sta', { serviceKey: 'env:DOUBLEHOP_STA_SERVICE_KEY' })
  const env = { DOUBLEHOP_STA_SERVICE_KEY: 'the key itself', DOUBLEHOP_STA_KEYS: 'x' }
  t.strictSame(problemsOf(t, text, { env }), [
    'the environment: DOUBLEHOP_STA_KEYS: no setting is called so',
  ])
  const viaVariable = {
    DOUBLEHOP_STA_SERVICE_KEY: 'env:DOUBLEHOP_STA_KEYS',
    DOUBLEHOP_STA_KEYS: 'x',
  }
  t.equal(
    settingsOf(t, smallest.sta, { env: viaVariable }).sta?.serviceKey.source,
    'env:DOUBLEHOP_STA_KEYS',
  )
  t.strictSame(
    problemsOf(t, smallest.sta, {
      set: ['sta.serviceKey=env:DOUBLEHOP_STA_X'],
      env: { DOUBLEHOP_STA_X: 'x' },
    }),
    [],
  )
})

t.test('a secret in place of its source is refused without being repeated', async (t) => {
  const said = [
    problemsOf(t, changed('sta', { serviceKey: 'hunter2' })),
    problemsOf(t, smallest.sta, { env: { DOUBLEHOP_STA_SERVICE_KEY: 'hunter2' } }),
    problemsOf(t, smallest.sta, { set: ['sta.serviceKey=hunter2'] }),
  ]
  for (const problems of said) {
    t.match(problems, [/sta\.serviceKey: expected file:PATH or env:NAME, never the secret itself$/])
    t.notMatch(problems.join(), 'hunter2')
  }
})

t.test('an override of what two sections share through an alias changes one of them', async (t) => {
  const text = `${smallest.gateway.replace('identity: {', 'identity: &id {')}
proxy:
  listen: 10.2.0.5:1080
  secure: off
  identity: *id
  grants: { keys: ["env:K"] }
  stas: [{ urls: ["https://a:1"] }]
`
  const { gateway, proxy } = settingsOf(t, text, { set: ['proxy.identity.key=/other.key'] })
  t.equal(proxy?.identity.key, '/other.key')
  t.match(gateway?.identity.key, /gateway\.key$/)
})

t.test('--set wants path=value', async (t) => {
  const refused = [
    '',
    '=',
    '=1',
    'gateway',
    'gateway.=1',
    '.listen=1',
    'a b=1',
    'a..b=1',
    '__proto__.x=1',
    'gateway.__proto__.x=1',
    'gateway.nextHops[0].name=x',
    'gateway.nextHops.0=x',
  ]
  for (const text of refused) {
    try {
      parseOverride(text)
      t.fail(`${text} was taken`)
    } catch (error) {
      t.ok(isFault(error, 'DH_USAGE'), text)
    }
  }
})

t.test('what --set refuses is named without its value', async (t) => {
  t.throws(() => parseOverride('sta.service-key=hunter2'), {
    message: /not sta\.service-key$/,
  })
})

t.test('a value may hold equals signs, or be empty', async (t) => {
  t.match(parseOverride('workspace.serverName=a=b'), {
    path: ['workspace', 'serverName'],
    value: 'a=b',
  })
  t.equal(parseOverride('workspace.serverName=').value, '')
})

t.test('overrides reach no prototype', async (t) => {
  const set = [
    'constructor.prototype.polluted=1',
    'workspace.constructor.prototype.polluted=1',
    'workspace.toString=1',
    'vda={"__proto__":{"apps":[]}}',
  ]
  t.strictSame(problemsOf(t, smallest.workspace, { set }), [
    '--set: vda.__proto__: no such key',
    '--set: workspace.constructor: no such key',
    '--set: workspace.toString: no such key',
    '--set: constructor: no such key',
    '--set: vda.apps: missing: expected a list',
  ])
  const whole = applyOverrides({}, [{ path: ['__proto__', 'polluted'], value: 1 }])
  t.equal(Object.getPrototypeOf(whole), Object.prototype)
  t.equal(({} as Record<string, unknown>).polluted, undefined)
})

t.test('JSON of any depth in a variable ends in a problem', async (t) => {
  const env = { DOUBLEHOP_GATEWAY_NEXT_HOPS: '['.repeat(50_000) + ']'.repeat(50_000) }
  t.strictSame(problemsOf(t, smallest.gateway, { env }), [
    'DOUBLEHOP_GATEWAY_NEXT_HOPS: gateway.nextHops[0]: expected a group of keys, not a list',
  ])
})

t.test('a file whose value holds itself is searched for secrets once', async (t) => {
  const env = { DOUBLEHOP_WORKSPACE_SERVER_NAME: 'a', DOUBLEHOP_STA_X: 'secret' }
  const ring = `${smallest.workspace}vda: &ring { apps: [*ring, "env:DOUBLEHOP_STA_X"] }`
  const problems = problemsOf(t, ring, { env })
  t.match(problems[0], 'vda.apps[0].apps: no such key')
  t.notMatch(problems.join(), 'DOUBLEHOP_STA_X')
})

t.test('each setting has a variable of its own, and no two share one', async (t) => {
  const names = settableKeys().map(({ path }) => variableName(path))
  t.equal(new Set(names).size, names.length)
  t.ok(names.includes('DOUBLEHOP_GATEWAY_LISTEN'))
  t.ok(names.includes('DOUBLEHOP_GATEWAY_REDEEM_AT'))
  t.ok(names.includes('DOUBLEHOP_STA_ADDRESSES_V4'))
  t.ok(names.every((name) => /^DOUBLEHOP_[A-Z0-9_]+$/.test(name)))
})
