import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { isFault } from '@doublehop/errors/fault'
import t from 'tap'
import { type Secret, secret } from '../src/secret.ts'
import { changed, smallest } from './examples.ts'
import { problemsOf, settingsOf } from './reading.ts'

/** The fault of a secret that cannot be revealed. */
function whyNot(one: Secret): { code: string; message: string } {
  try {
    one.reveal('sta.serviceKey')
  } catch (error) {
    if (isFault(error)) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('it was revealed')
}

t.test('a secret stands in a file, beside the configuration if its path is relative', async (t) => {
  const folder = t.testdir({ key: 'hunter2', keys: { other: 'hunter3' } })
  t.equal(secret(folder).parse('file:key').reveal('x'), 'hunter2')
  t.equal(secret(folder).parse('file:keys/other').reveal('x'), 'hunter3')
  t.equal(secret('/nowhere').parse(`file:${folder}/key`).reveal('x'), 'hunter2')
})

t.test('one line end behind it is not part of it; all else is', async (t) => {
  const contents = {
    'a\n': 'a',
    'a\r\n': 'a',
    'a\n\n': 'a\n',
    ' a ': ' a ',
    'a\r': 'a\r',
    'ä\n': 'ä',
  }
  for (const [content, value] of Object.entries(contents)) {
    const folder = t.testdir({ key: content })
    t.equal(secret(folder).parse('file:key').reveal('x'), value, JSON.stringify(content))
  }
})

t.test('a secret stands in the environment', async (t) => {
  t.intercept(process, 'env', { value: { ...process.env, SETTINGS_TEST_KEY: 'hunter2 ' } })
  t.equal(secret('/').parse('env:SETTINGS_TEST_KEY').reveal('x'), 'hunter2 ')
  t.strictSame(whyNot(secret('/').parse('env:SETTINGS_TEST_NONE')), {
    code: 'DH_CONFIG_SECRET',
    message:
      'sta.serviceKey: the secret env:SETTINGS_TEST_NONE cannot be read: it is empty or not set',
  })
})

t.test('it is read when it is asked for, each time anew', async (t) => {
  const folder = t.testdir({})
  const key = secret(folder).parse('file:key')
  t.match(whyNot(key), { message: 'sta.serviceKey: the secret file:key cannot be read: ENOENT' })
  writeFileSync(join(folder, 'key'), 'first')
  t.equal(key.reveal('x'), 'first')
  writeFileSync(join(folder, 'key'), 'second')
  t.equal(key.reveal('x'), 'second')
})

t.test('a configuration can be checked on a host that holds none of its secrets', async (t) => {
  t.strictSame(problemsOf(t, Object.values(smallest).join('')), [])
})

t.test('what cannot be read is a fault that names the setting and the source', async (t) => {
  const folder = t.testdir({
    empty: '',
    line: '\n',
    locked: 'hunter2',
    long: 'x'.repeat(64 * 1024 + 1),
  })
  mkdirSync(join(folder, 'folder'))
  chmodSync(join(folder, 'locked'), 0)
  const why = (source: string) =>
    whyNot(secret(folder).parse(source)).message.replace(/^.*cannot be read: /, '')
  t.equal(why('file:empty'), 'it is empty or not set')
  t.equal(why('file:line'), 'it is empty or not set')
  t.equal(why('file:folder'), 'EISDIR')
  t.equal(why('file:long'), 'it is longer than 64 KiB')
  t.equal(why('file:/dev/zero'), 'it is longer than 64 KiB')
  t.equal(why('file:none/key'), 'ENOENT')
  t.equal(why('file:empty/key'), 'ENOTDIR')
  if (process.getuid?.() !== 0) t.equal(why('file:locked'), 'EACCES')
})

t.test('it is masked wherever it is printed, read or not', async (t) => {
  const folder = t.testdir({ key: 'hunter2' })
  const key = secret(folder).parse('file:key')
  const printed = () => [
    String(key),
    `${key}`,
    JSON.stringify({ key }),
    inspect(key, { showHidden: true, depth: 9 }),
    inspect({ deep: [{ key }] }, { depth: 9 }),
    JSON.stringify(Object.entries(key)),
  ]
  const before = printed()
  t.equal(key.reveal('x'), 'hunter2')
  t.strictSame(printed(), before)
  t.notMatch(before.join(), 'hunter2')
  t.equal(before[2], '{"key":"[secret from file:key]"}')
})

t.test('all settings can be printed without a secret among them', async (t) => {
  t.intercept(process, 'env', { value: { ...process.env, HOP_PASSWORD: 'hunter2' } })
  const text = changed('gateway', {
    nextHops: [
      {
        name: 'one',
        address: 'a:1',
        kind: 'socks5',
        credentials: { username: 'u', password: 'env:HOP_PASSWORD' },
      },
    ],
  })
  const settings = settingsOf(t, text)
  t.equal(settings.gateway?.nextHops[0]?.credentials?.password.reveal('x'), 'hunter2')
  t.match(JSON.stringify(settings), '[secret from env:HOP_PASSWORD]')
  t.notMatch(JSON.stringify(settings), 'hunter2')
  t.notMatch(inspect(settings, { depth: 99, showHidden: true }), 'hunter2')
})

t.test('a source is file:PATH or env:NAME and nothing else', async (t) => {
  for (const source of [
    'file:',
    'env:',
    'env:1A',
    'env:A-B',
    'env:A B',
    'FILE:x',
    'hunter2',
    '',
    ' file:x',
    'vault:x',
    7,
    null,
    ['file:x'],
  ]) {
    const { error } = secret('/').safeParse(source)
    t.match(
      error?.issues,
      [{ message: 'expected file:PATH or env:NAME, never the secret itself' }],
      String(source),
    )
  }
})
