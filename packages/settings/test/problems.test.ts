import t from 'tap'
import { changed, smallest } from './examples.ts'
import { problemsOf } from './reading.ts'

t.test('an unknown key is named with its own line, and what was probably meant', async (t) => {
  const slips = {
    'sta:\n  authorityId: STA1\n\n  foo: 1\n': 'doublehop.yaml:4: sta.foo: no such key',
    'gateway:\n  redeemat: proxy\n':
      'doublehop.yaml:2: gateway.redeemat: no such key; did you mean redeemAt?',
    'gateway:\n  redeem_at: proxy\n':
      'doublehop.yaml:2: gateway.redeem_at: no such key; did you mean redeemAt?',
    'gateway:\n  listne: 1\n':
      'doublehop.yaml:2: gateway.listne: no such key; did you mean listen?',
    'gatway:\n  listen: 1\n': 'doublehop.yaml:1: gatway: no such key; did you mean gateway?',
    'gateway:\n  earlyData: 1 KiB\n':
      'doublehop.yaml:2: gateway.earlyData: no such key here; did you mean gateway.limits.earlyData?',
    'gateway:\n  limits:\n    dial: 5 s\n    luanch: 5 s\n':
      'doublehop.yaml:4: gateway.limits.luanch: no such key; did you mean launch?',
    'gateway:\n  nextHops:\n    - name: a\n      adress: b:1\n':
      'doublehop.yaml:4: gateway.nextHops[0].adress: no such key; did you mean address?',
    'zones:\n  dmz3: []\n': 'doublehop.yaml:2: zones.dmz3: no such key; did you mean dmz1?',
  }
  for (const [text, problem] of Object.entries(slips)) t.equal(problemsOf(t, text)[0], problem)
})

t.test('a key that is like no other gets no guess', async (t) => {
  for (const key of ['x', 'colour', 'toString', `listen${'n'.repeat(5000)}`]) {
    const [problem] = problemsOf(t, `workspace: { gateway: "a:1", ${key}: 1 }`)
    t.match(problem, /no such key$/, key.slice(0, 20))
    t.ok((problem?.length ?? 0) < 150, 'and is cut short')
  }
})

t.test('a key cannot move the cursor of who reads about it', async (t) => {
  t.strictSame(problemsOf(t, 'workspace: { gateway: "a:1", "\\e[2J.b": 1 }'), [
    String.raw`doublehop.yaml:1: workspace["\u001b[2J.b"]: no such key`,
  ])
})

t.test('nor can a value', async (t) => {
  const names = `"\\e[2J${'x'.repeat(500)}"`
  const [problem = ''] = problemsOf(
    t,
    changed('sta', {}).replaceAll(/- (storefront|proxy)\.example/g, `- ${names}`),
  )
  t.match(problem, 'sta.redeemers.names[0]: ·[2Jxxx')
  t.ok(problem.length < 400)
  const [tag = ''] = problemsOf(t, 'sta: !\u0007x 1')
  t.match(tag, 'doublehop.yaml:1: the file: ')
  t.notOk(tag.includes('\u0007'))
})

t.test('all problems are told, slips before what is missing for them', async (t) => {
  t.strictSame(
    problemsOf(
      t,
      'workspace:\n  gatewey: a:1\n  ca: 5\nvda:\n  apps: none\n  drainTimeout: soon\n',
    ),
    [
      'doublehop.yaml:2: workspace.gatewey: no such key; did you mean gateway?',
      'doublehop.yaml:5: vda.apps: expected a list, not text',
      'doublehop.yaml:6: vda.drainTimeout: expected a duration such as "10 s" (ms, s, min, h, d)',
      'doublehop.yaml:1: workspace.gateway: missing: expected address:port, an IPv6 address in brackets',
      'doublehop.yaml:3: workspace.ca: expected text, not a number',
    ],
  )
})

t.test('a wrong type is told in the words of YAML', async (t) => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ listen: 443 }, 'gateway.listen: expected address:port, an IPv6 address in brackets'],
    [{ tls: 'x' }, 'gateway.tls: expected a group of keys, not text'],
    [{ tls: ['x'] }, 'gateway.tls: expected a group of keys, not a list'],
    [{ tls: null }, 'gateway.tls: expected a group of keys, but nothing stands here'],
    [{ limits: null }, 'gateway.limits: expected a group of keys, but nothing stands here'],
    [{ nextHops: { name: 'a' } }, 'gateway.nextHops: expected a list, not a group of keys'],
    [{ nextHops: ['a:1'] }, 'gateway.nextHops[0]: expected a group of keys, not text'],
    [{ redeemAt: true }, 'gateway.redeemAt: expected gateway or proxy'],
    [{ 'limits.sessions': 'many' }, 'gateway.limits.sessions: expected a number, not text'],
    [{ 'limits.sessions': 1.5 }, 'gateway.limits.sessions: expected a whole number'],
    [{ 'limits.sessions': 1e9 }, 'gateway.limits.sessions: expected 10000000 or less'],
    [
      { 'limits.dial': 10 },
      'gateway.limits.dial: expected a duration such as "10 s" (ms, s, min, h, d)',
    ],
    [
      { 'limits.idle': false },
      'gateway.limits.idle: expected a duration such as "10 s" (ms, s, min, h, d) up to 24 d, or "off"',
    ],
    [
      { 'limits.earlyData': '64 KB' },
      'gateway.limits.earlyData: expected a size such as "64 KiB" (B, KiB, MiB)',
    ],
    [{ 'addresses.v4': 'fd00::1' }, 'gateway.addresses.v4: expected an IPv4 address'],
    [{ 'addresses.v6': '10.0.0.1' }, 'gateway.addresses.v6: expected an IPv6 address'],
    [
      { proxyProtocolFrom: ['10.0.0.0/33'] },
      'gateway.proxyProtocolFrom[0]: expected a network such as 10.1.0.0/16 or fd00::/8',
    ],
    [{ name: 'a b' }, 'gateway.name: expected a short name of letters, digits, . _ -'],
    [{ listen: 'gateway.example:443' }, 'gateway.listen: expected an IP address to listen on'],
  ]
  for (const [change, problem] of wrong) {
    const problems = problemsOf(t, changed('gateway', change))
    t.strictSame(
      problems.map((one) => one.replace(/^doublehop\.yaml:\d+: /, '')),
      [problem],
    )
  }
  t.strictSame(problemsOf(t, changed('proxy', { allowLoopback: 'yes' })), [
    'doublehop.yaml:16: proxy.allowLoopback: expected true or false, not text',
  ])
})

t.test('a problem stands at the line of its key, or of its entry in a list', async (t) => {
  const text = `
workspace:
  gateway:
    a:1
vda:
  apps:
    - name: A
      kind: echo
      listenCgp: 10.3.0.7:2598
    -
      name: B
      kind:
        nothing
      listenIca: nowhere
    - 7
`
  t.strictSame(problemsOf(t, text), [
    'doublehop.yaml:12: vda.apps[1].kind: expected echo or source or sink or clock or tcp',
    'doublehop.yaml:14: vda.apps[1].listenIca: expected address:port, an IPv6 address in brackets',
    'doublehop.yaml:15: vda.apps[2]: expected a group of keys, not a number',
  ])
})

t.test('inside an alias the line is that of the anchor', async (t) => {
  const text = 'gateway:\n  stas: &stas\n    - urls: [nowhere]\nproxy:\n  stas: *stas\n'
  const places = problemsOf(t, text).filter((problem) => problem.includes('urls'))
  t.strictSame(
    places.map((problem) => problem.split(': ').slice(0, 2)),
    [
      ['doublehop.yaml:3', 'gateway.stas[0].urls[0]'],
      ['doublehop.yaml:3', 'proxy.stas[0].urls[0]'],
    ],
  )
})

t.test('one list of STAs can serve all sections', async (t) => {
  const shared = Object.values(smallest)
    .join('')
    .replace('stas: [', 'stas: &stas [')
    .replaceAll(/stas: \[.*\]/g, 'stas: *stas')
  t.equal(shared.split('*stas').length - 1, 2)
  t.strictSame(problemsOf(t, shared), [])
})
