import { mkdirSync, readdirSync } from 'node:fs'
import { isFault } from '@doublehop/errors/fault'
import t from 'tap'
import { readSettings } from '../src/load.ts'
import { smallest } from './examples.ts'
import { fileWith, listed, problemsOf, settingsOf } from './reading.ts'

const ALIASES = 'the file: its aliases (*name) multiply to more than is read here'
const NESTED = 'the file: it is nested too deeply'

t.test('an empty file is a file without sections', async (t) => {
  for (const text of ['', '\n\n', '# nothing yet\n', '---\n', '~', '{}']) {
    const { zones, network: _, ...sections } = settingsOf(t, text)
    t.strictSame({ zones, sections }, { zones: {}, sections: {} }, JSON.stringify(text))
  }
})

t.test('a file is a group of sections, not a list or a value', async (t) => {
  t.strictSame(problemsOf(t, '- gateway\n'), [
    'doublehop.yaml: the file: expected a group of keys, not a list',
  ])
  t.strictSame(problemsOf(t, 'gateway'), [
    'doublehop.yaml: the file: expected a group of keys, not text',
  ])
  t.strictSame(problemsOf(t, '443'), [
    'doublehop.yaml: the file: expected a group of keys, not a number',
  ])
  t.strictSame(problemsOf(t, 'true'), [
    'doublehop.yaml: the file: expected a group of keys, not true or false',
  ])
})

t.test('what is no YAML is told with its line', async (t) => {
  const broken = {
    'sta:\n\tlisten: x': 'doublehop.yaml:2: the file: Tabs are not allowed as indentation',
    'sta: "x': 'doublehop.yaml:1: the file: Missing closing "quote',
    'sta: {\n': 'doublehop.yaml:2: the file: Flow map',
    'sta: {}\n---\nvda: {}\n':
      'doublehop.yaml:2: the file: a second YAML document begins here; one is expected',
    'sta:\n  ? [a, b]\n  : c\n':
      'doublehop.yaml:2: the file: a key is expected to be text, not a group, list or alias',
    'sta: !secret x\n': 'doublehop.yaml:1: the file: Unresolved tag: !secret',
    '%FOO bar\n---\n{}\n': 'doublehop.yaml:1: the file: Unknown directive %FOO',
    '%YAML 1.1\n---\nproxy: { secure: off }\n':
      'doublehop.yaml: the file: it asks for YAML 1.1; YAML 1.2 is read here',
    'sta:\n  listen: *nothing\n':
      'doublehop.yaml:2: sta.listen: the alias *nothing has no anchor &nothing before it',
    'sta: *later\nvda: &later {}\n':
      'doublehop.yaml:1: sta: the alias *later has no anchor &later before it',
  }
  for (const [text, problem] of Object.entries(broken)) {
    const [first = '', ...others] = problemsOf(t, text)
    t.ok(first.startsWith(problem), problem, { found: first })
    t.strictSame(others, [])
  }
})

t.test('an IPv6 address that YAML takes for a list is told to want quotes', async (t) => {
  const hint = ': the file: an IPv6 address in brackets needs quotes, such as "[2001:db8::1]:443"'
  t.strictSame(problemsOf(t, 'sta:\n  listen: [::1]:8080\n'), [`doublehop.yaml:2${hint}`])
  t.strictSame(problemsOf(t, 'vda: { apps: [{ target: [fd00::7]:22 }] }'), [
    `doublehop.yaml:1${hint}`,
  ])
  t.match(settingsOf(t, 'workspace: { gateway: "[FD00:0::7]:443" }'), {
    workspace: { gateway: { host: 'fd00::7', port: 443 } },
  })
})

t.test('a key that stands twice is told, wherever it stands', async (t) => {
  t.strictSame(problemsOf(t, 'sta: {}\nvda:\n  apps:\n    - name: a\n      name: b\n"sta": {}\n'), [
    'doublehop.yaml:5: vda.apps[0].name: it stands twice',
    'doublehop.yaml:6: sta: it stands twice',
  ])
})

t.test('Windows line ends and a byte order mark change nothing', async (t) => {
  const text = `\ufeff${smallest.workspace}  foo: 1\n`.replaceAll('\n', '\r\n')
  t.strictSame(problemsOf(t, text), ['doublehop.yaml:4: workspace.foo: no such key'])
  t.strictSame(settingsOf(t, text.replace('  foo: 1', '')).workspace?.gateway, {
    host: 'gateway.example',
    port: 443,
  })
})

t.test('only UTF-8 is read', async (t) => {
  const utf16 = Buffer.from(`\ufeff${smallest.workspace}`, 'utf16le')
  t.strictSame(problemsOf(t, utf16), ['doublehop.yaml: the file: it is not UTF-8 text'])
  t.strictSame(problemsOf(t, Buffer.from('workspace: { ca: "\xe9" }', 'latin1')), [
    'doublehop.yaml: the file: it is not UTF-8 text',
  ])
})

t.test('no more than 1 MiB is read', async (t) => {
  const comment = (bytes: number) => `#${' '.repeat(bytes - 1)}`
  t.strictSame(problemsOf(t, comment(2 ** 20)), [])
  t.strictSame(problemsOf(t, comment(2 ** 20 + 1)), [
    'doublehop.yaml: the file: it is larger than 1 MiB',
  ])
  t.strictSame(problemsOf(t, comment(10_000_000)), [
    'doublehop.yaml: the file: it is larger than 1 MiB',
  ])
  t.strictSame(listed(readSettings('/dev/zero', [], {})), [
    'zero: the file: it is larger than 1 MiB',
  ])
})

t.test('every file that was opened is closed', async (t) => {
  const file = fileWith(t, smallest.workspace)
  const before = readdirSync('/dev/fd').length
  for (let times = 0; times < 5; times++) readSettings(times % 2 === 0 ? file : '/dev/zero', [], {})
  t.equal(readdirSync('/dev/fd').length, before)
})

t.test('aliases may repeat a value, but not multiply without bound', async (t) => {
  const [first = '', ...others] = 'abcdefghi'
  const nine = (word: string) => `[${Array.from({ length: 9 }, () => word).join(', ')}]`
  const bomb = [`${first}: &${first} ${nine('x')}`]
  for (const [index, name] of others.entries())
    bomb.push(`${name}: &${name} ${nine(`*${'abcdefghi'[index]}`)}`)
  t.strictSame(problemsOf(t, bomb.join('\n')), [`doublehop.yaml: ${ALIASES}`])
  t.strictSame(problemsOf(t, `zones:\n  lan: &lan [10.0.0.0/8]\n  internal: *lan\n`), [])
})

t.test('a value that holds itself is a wrong value like others', async (t) => {
  t.strictSame(problemsOf(t, 'vda: &vda\n  apps: [*vda]\n').slice(0, 2), [
    'doublehop.yaml:2: vda.apps[0].apps: no such key here; did you mean vda.apps?',
    'doublehop.yaml:2: vda.apps[0].name: missing: expected text',
  ])
  t.strictSame(problemsOf(t, 'sta: &sta [*sta]'), [
    'doublehop.yaml:1: sta: expected a group of keys, not a list',
  ])
})

t.test('deep nesting ends in a problem, at any depth', async (t) => {
  for (const opening of ['[', '{a: ', '- ', '? ', '[[{a: ']) {
    for (const depth of [300, 3000, 30_000]) {
      const problems = problemsOf(t, `sta: ${opening.repeat(depth)}`)
      t.ok(problems.length > 0, `${depth} times ${opening}`)
    }
  }
  t.strictSame(problemsOf(t, `sta: ${'['.repeat(100_000)}`), [`doublehop.yaml:1: ${NESTED}`])
  t.strictSame(problemsOf(t, `sta: ${'['.repeat(5000)}${']'.repeat(5000)}`), [
    `doublehop.yaml:1: ${NESTED}`,
  ])
})

t.test('thousands of keys are read in a time that grows with their number', async (t) => {
  const keys = (count: number) =>
    Array.from({ length: count }, (_, index) => `k${index}: 1`).join('\n')
  t.equal(problemsOf(t, keys(10_000)).length, 10_000)
  t.strictSame(problemsOf(t, `${keys(10_000)}\nk0: 1`), [
    'doublehop.yaml:10001: k0: it stands twice',
  ])
})

t.test('keys that every object has are unknown keys, and touch no other object', async (t) => {
  const text = `
__proto__: { polluted: 1 }
constructor: { prototype: { polluted: 1 } }
workspace:
  gateway: a:1
  __proto__:
    serverName: polluted
  constructor: 1
  hasOwnProperty: 1
zones:
  __proto__: { dmz1: [10.0.0.0/8] }
`
  t.strictSame(problemsOf(t, text), [
    'doublehop.yaml:11: zones.__proto__: no such key',
    'doublehop.yaml:6: workspace.__proto__: no such key',
    'doublehop.yaml:8: workspace.constructor: no such key',
    'doublehop.yaml:9: workspace.hasOwnProperty: no such key',
    'doublehop.yaml:2: __proto__: no such key',
    'doublehop.yaml:3: constructor: no such key',
  ])
  t.equal(({} as Record<string, unknown>).polluted, undefined)
})

t.test('a merge key is an unknown key', async (t) => {
  t.strictSame(problemsOf(t, 'workspace: { gateway: "a:1", <<: { ca: x } }'), [
    'doublehop.yaml:1: workspace["<<"]: no such key',
  ])
})

t.test('a file that is not there or is a folder is a fault of its own', async (t) => {
  const folder = fileWith(t, '').replace(/[^/]*$/, 'folder')
  mkdirSync(folder)
  for (const [file, why] of [
    ['/nowhere/doublehop.yaml', 'ENOENT'],
    [folder, 'EISDIR'],
  ] as const) {
    try {
      readSettings(file, [], {})
      t.fail(`${file} was read`)
    } catch (error) {
      t.ok(isFault(error, 'DH_CONFIG_FILE'))
      t.match(error, { message: `${file} cannot be read: ${why}` })
    }
  }
})
